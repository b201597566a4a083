import { MerkleRoot } from '../anchoring/merkle-tree.ts'
import { RecordingError } from '../errors.ts'
import { isSameDigest } from '../format/chain.ts'
import { decodeLogHeader, type LogHeader } from '../format/file-header.ts'
import { type Bytes, type Piece, readPieces } from '../format/frame-reader.ts'
import { type KeyEncryption, keyContext, type MetaKeys, metaKeys } from '../format/keys.ts'
import { LOG_MAGIC } from '../format/layout.ts'
import { isGenuine } from '../format/seal.ts'
import { BATCH_BYTES_MAX } from '../writer/commit-queue.ts'
import { decodeLogEntry, type LogEntry } from '../writer/instance-log.ts'
import type { Head } from '../writer/journal.ts'
import { type ClockJump, ClockWatch } from './clock-watch.ts'

/** More than a crash can tear of a log: what was not on the disk is one batch. */
export const LOG_TORN_BYTES_MAX: number = 2 * BATCH_BYTES_MAX

/** What is wrong with a log, or nothing. A torn end is what a crash leaves; damage is not. */
export type LogState =
  | { readonly kind: 'sound' }
  | { readonly kind: 'torn'; readonly bytes: number }
  | { readonly kind: 'damaged'; readonly seq: number; readonly why: string }

/** A log, read back as far as it is sound. */
export interface LogContents {
  readonly header: LogHeader | null
  readonly entries: readonly LoggedEntry[]
  readonly head: Head | null
  /** The chain's value after so many frames, for comparing with what a later boot saw; undefined where there are fewer. */
  readonly chainAt: (frames: number) => Uint8Array | undefined
  /** How many bytes the whole log has. */
  readonly length: number
  /** How many bytes there are behind so many frames. */
  readonly bytesAfter: (frames: number) => number
  /** RFC 6962 roots at the sizes asked for, as far as there are so many frames. */
  readonly roots: ReadonlyMap<number, Uint8Array>
  readonly state: LogState
  readonly clockJumps: readonly ClockJump[]
}

/** An entry where it stands. */
export interface LoggedEntry {
  readonly entry: LogEntry
  /** When it was written, in milliseconds since 1970. */
  readonly at: number
  /** How many frames the log has up to and with it. */
  readonly frames: number
}

/**
 * Reads an instance log. Never throws on what the bytes are. `sizes`: where the root over its frames is wanted. With `keys`,
 * where they are those it was written under, its frames are authenticated: what a crash tore at its end is then told from
 * entries, though it may look like some.
 */
export async function readInstanceLog(
  source: Bytes,
  sizes: ReadonlySet<number> = new Set<number>(),
  keys: KeyEncryption | null = null,
): Promise<LogContents> {
  const draft = new LogDraft(sizes, keys)
  for await (const piece of readPieces(source, LOG_MAGIC)) {
    if (piece.kind === 'end') draft.takeEnd(piece)
    else await draft.takePiece(piece)
  }
  return draft.contents()
}

class LogDraft {
  readonly #sizes: ReadonlySet<number>
  readonly #entries: LoggedEntry[] = []
  readonly #chains = new Digests()
  readonly #tree = new MerkleRoot()
  readonly #roots = new Map<number, Uint8Array>()
  readonly #clocks = new ClockWatch()
  #header: LogHeader | null = null
  readonly #keys: KeyEncryption | null
  readonly #ends: number[] = []
  #meta: MetaKeys | null = null
  #length = 0
  #state: LogState = { kind: 'sound' }
  /** Frames stopped being genuine, and no final one came behind. */
  #isTorn = false

  constructor(sizes: ReadonlySet<number>, keys: KeyEncryption | null) {
    this.#sizes = sizes
    this.#keys = keys
  }

  async takePiece(piece: Exclude<Piece, { kind: 'end' }>): Promise<void> {
    if (this.#state.kind === 'damaged') {
      // A crash may tear the final frame; it leaves none behind a tear, since all before it was on the disk.
      if (piece.kind === 'frame' && piece.frame.final) this.#isTorn = false
      return
    }
    try {
      if (piece.kind === 'header') await this.#takeHeader(piece.cbor)
      else this.#takeFrame(piece)
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#state = { kind: 'damaged', seq: this.#chains.length, why: error.message }
    }
  }

  async #takeHeader(cbor: Uint8Array): Promise<void> {
    const header = decodeLogHeader(cbor)
    this.#header = header
    if (this.#keys === null || header.keyId !== this.#keys.id) return
    this.#meta = metaKeys(await this.#keys.unwrap(header.wrappedKey, keyContext(header.boot, 'log')))
  }

  #takeFrame(piece: Extract<Piece, { kind: 'frame' }>): void {
    if (this.#meta !== null && !isGenuine(piece.frame, piece.before, this.#meta)) {
      this.#isTorn = this.#chains.length > 0
      this.#state = { kind: 'damaged', seq: this.#chains.length, why: 'a frame that is not genuine' }
      return
    }
    const { prev, entry } = decodeLogEntry(piece.frame.type, piece.frame.body)
    if (!isSameDigest(prev, piece.before)) throw new RecordingError('MALFORMED', 'the chain is broken before it')
    this.#chains.push(piece.after)
    this.#ends.push(piece.endOffset)
    this.#clocks.take(piece.frame)
    const frames = this.#chains.length
    if (entry !== null) this.#entries.push({ entry, at: Number(piece.frame.wallUs) / 1e3, frames })
    if (this.#sizes.size === 0) return
    this.#tree.append(piece.leaf)
    if (this.#sizes.has(frames)) this.#roots.set(frames, this.#tree.root())
  }

  takeEnd({ offset, rest, why }: Extract<Piece, { kind: 'end' }>): void {
    this.#length = offset + rest
    const frames = this.#chains.length
    if (this.#state.kind === 'damaged') {
      const bytes = this.#bytesAfter(frames)
      if (this.#isTorn && bytes <= LOG_TORN_BYTES_MAX) this.#state = { kind: 'torn', bytes }
      return
    }
    if (rest === 0 && this.#header !== null) return
    // With the key all that is a frame is known to be one: what follows the last of them is torn, whatever it looks like.
    const isLoose = this.#meta !== null && rest <= LOG_TORN_BYTES_MAX && why !== 'bytes after the final frame'
    const isCrash = (why === 'an unfinished frame' || isLoose) && frames > 0
    this.#state = isCrash ? { kind: 'torn', bytes: rest } : { kind: 'damaged', seq: frames, why: why ?? 'no header' }
  }

  #bytesAfter(frames: number): number {
    return this.#length - (this.#ends[frames - 1] ?? 0)
  }

  contents(): LogContents {
    const chains = this.#chains
    const last = chains.at(chains.length - 1)
    return {
      header: this.#header,
      entries: this.#entries,
      head: last === undefined ? null : { frames: chains.length, chain: last },
      length: this.#length,
      chainAt: frames => chains.at(frames - 1),
      bytesAfter: frames => this.#bytesAfter(frames),
      roots: this.#roots,
      state: this.#state,
      clockJumps: this.#clocks.jumps,
    }
  }
}

const DIGEST_BYTES = 32

/** A log can have millions of frames, and an object a digest would take four times its bytes. */
class Digests {
  #bytes = Buffer.alloc(64 * DIGEST_BYTES)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(digest: Uint8Array): void {
    const end = this.#length * DIGEST_BYTES
    if (end === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(end)])
    this.#bytes.set(digest, end)
    this.#length += 1
  }

  at(index: number): Uint8Array | undefined {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#length) return undefined
    return this.#bytes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
  }
}
