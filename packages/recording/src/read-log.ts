import { MerkleRoot } from './anchoring/merkle-tree.ts'
import { isSameDigest } from './chain.ts'
import { type ClockJump, ClockWatch } from './clock-watch.ts'
import { RecordingError } from './errors.ts'
import { decodeLogHeader, type LogHeader } from './file-header.ts'
import { type Bytes, type Piece, readPieces } from './frame-reader.ts'
import { decodeLogEntry, type LogEntry } from './instance-log.ts'
import type { Head } from './journal.ts'
import { LOG_MAGIC } from './layout.ts'

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

/** Reads an instance log. Never throws on what the bytes are. `sizes`: where the root over its frames is wanted. */
export async function readInstanceLog(
  source: Bytes,
  sizes: ReadonlySet<number> = new Set<number>(),
): Promise<LogContents> {
  const draft = new LogDraft(sizes)
  for await (const piece of readPieces(source, LOG_MAGIC)) {
    if (draft.isDamaged) continue
    if (piece.kind === 'end') draft.takeEnd(piece)
    else draft.takePiece(piece)
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
  #state: LogState = { kind: 'sound' }

  constructor(sizes: ReadonlySet<number>) {
    this.#sizes = sizes
  }

  get isDamaged(): boolean {
    return this.#state.kind === 'damaged'
  }

  takePiece(piece: Exclude<Piece, { kind: 'end' }>): void {
    try {
      if (piece.kind === 'header') this.#header = decodeLogHeader(piece.cbor)
      else this.#takeFrame(piece)
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#state = { kind: 'damaged', seq: this.#chains.length, why: error.message }
    }
  }

  #takeFrame(piece: Extract<Piece, { kind: 'frame' }>): void {
    const { prev, entry } = decodeLogEntry(piece.frame.type, piece.frame.body)
    if (!isSameDigest(prev, piece.before)) throw new RecordingError('MALFORMED', 'the chain is broken before it')
    this.#chains.push(piece.after)
    this.#clocks.take(piece.frame)
    const frames = this.#chains.length
    if (entry !== null) this.#entries.push({ entry, at: Number(piece.frame.wallUs) / 1e3, frames })
    if (this.#sizes.size === 0) return
    this.#tree.append(piece.leaf)
    if (this.#sizes.has(frames)) this.#roots.set(frames, this.#tree.root())
  }

  takeEnd({ rest, why }: Extract<Piece, { kind: 'end' }>): void {
    if (rest === 0 && this.#header !== null) return
    const frames = this.#chains.length
    const isCrash = why === 'an unfinished frame' && frames > 0
    this.#state = isCrash ? { kind: 'torn', bytes: rest } : { kind: 'damaged', seq: frames, why: why ?? 'no header' }
  }

  contents(): LogContents {
    const chains = this.#chains
    const last = chains.at(chains.length - 1)
    return {
      header: this.#header,
      entries: this.#entries,
      head: last === undefined ? null : { frames: chains.length, chain: last },
      chainAt: frames => chains.at(frames - 1),
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
