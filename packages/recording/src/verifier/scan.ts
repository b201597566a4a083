import { RecordingError } from '../errors.ts'
import { decodeCborMap } from '../format/canonical-cbor.ts'
import { isSameDigest } from '../format/chain.ts'
import { type CloseMark, decodeClose, decodeRecovery } from '../format/closing.ts'
import type { RecoveryMark } from '../format/event.ts'
import { decodeRecordingHeader, type RecordingHeader } from '../format/file-header.ts'
import { type Bytes, type FramePiece, type Piece, Splitter } from '../format/frame-reader.ts'
import type { MetaKeys } from '../format/keys.ts'
import { FRAME_TYPES, type Frame, RECORDING_MAGIC, TAG_BYTES } from '../format/layout.ts'
import { decodeBlock } from '../format/read-block.ts'
import { isGenuine } from '../format/seal.ts'
import type { Head } from '../writer/journal.ts'
import { type ClockJump, ClockWatch } from './clock-watch.ts'

/** How a file ends. */
export type FileEnd =
  | { readonly kind: 'closed'; readonly mark: CloseMark }
  | { readonly kind: 'recovered'; readonly mark: RecoveryMark }
  | { readonly kind: 'open' }
  /** Bytes that are no whole, genuine frame. */
  | { readonly kind: 'torn'; readonly bytes: number; readonly why: string }

/** What a whole pass over a recording finds. */
export interface Scan {
  readonly header: RecordingHeader | null
  /** The whole, chained, genuine frames from the start on, and the file's length up to there. */
  readonly head: Head | null
  readonly offset: number
  readonly end: FileEnd
  /** Something that no crash leaves: where, and what. */
  readonly broken: { readonly seq: number; readonly why: string } | null
  /** Where the last of them begins. */
  readonly lastAt: number
  /** Given the META keys: how many entries its genuine blocks hold. */
  readonly blockEntries: number
  /** The most frames whose chain value is one that counts. */
  readonly anchored: number
  readonly clockJumps: readonly ClockJump[]
}

export interface ScanOptions {
  /** Chain values to compare with, by frame count. */
  readonly heads: ReadonlyMap<number, Uint8Array>
  /** Which of them count towards what is vouched for. Absent: all. */
  readonly counting?: ReadonlySet<number> | null
  /** Given the META keys, every frame is authenticated too. Called once, with the header. */
  readonly keysFor: ((header: RecordingHeader) => Promise<MetaKeys>) | null
  /** Told of bytes as they are dealt with. */
  readonly onBytes?: (count: number) => void
}

/** Goes through a recording once, holding one frame in memory. Needs no key. Never throws on what the bytes are. */
export async function scanRecording(source: Bytes, options: ScanOptions): Promise<Scan> {
  const walk = new Walk(options)
  const splitter = new Splitter(RECORDING_MAGIC)
  for await (const chunk of source) {
    splitter.push(chunk)
    for (let piece = splitter.next(); piece !== null; piece = splitter.next()) {
      // Only the header may have to wait, for its keys; a turn of the event loop for each frame would cost as much as its hash.
      if (piece.kind === 'header') await walk.takeHeader(piece)
      else walk.takeFrame(piece)
    }
    options.onBytes?.(chunk.length)
  }
  for (const piece of splitter.end()) {
    if (piece.kind === 'header') await walk.takeHeader(piece)
    else if (piece.kind === 'frame') walk.takeFrame(piece)
    else walk.takeEnd(piece)
  }
  return walk.result()
}

/** What disks write whole or not at all. */
const SECTOR_BYTES = 512

/** What only ever stands at the end: without the final flag it is no such frame, and not what was written. */
const CLOSING_TYPES: ReadonlySet<number> = new Set([FRAME_TYPES.close, FRAME_TYPES.recovery])

class Walk {
  readonly #options: ScanOptions
  #header: RecordingHeader | null = null
  #keys: MetaKeys | null = null
  #start: Uint8Array | null = null
  #last: FramePiece | null = null
  #offset = 0
  #lastAt = 0
  #end: FileEnd = { kind: 'open' }
  #broken: { seq: number; why: string } | null = null
  #anchored = 0
  #blockEntries = 0
  readonly #clocks = new ClockWatch()
  /** Where frames stopped being genuine: what follows is only looked at for a final frame. */
  #forgedAt: number | null = null

  constructor(options: ScanOptions) {
    this.#options = options
  }

  get #head(): Head | null {
    if (this.#last !== null) return { frames: this.#last.frame.seq + 1, chain: this.#last.after }
    return this.#start === null ? null : { frames: 0, chain: this.#start }
  }

  result(): Scan {
    return {
      header: this.#header,
      head: this.#head,
      offset: this.#offset,
      end: this.#end,
      broken: this.#broken,
      anchored: this.#anchored,
      lastAt: this.#lastAt,
      blockEntries: this.#blockEntries,
      clockJumps: this.#clocks.jumps,
    }
  }

  async takeHeader(piece: Extract<Piece, { kind: 'header' }>): Promise<void> {
    this.#offset = piece.bytes.length
    this.#start = piece.chain
    try {
      this.#header = decodeRecordingHeader(piece.cbor)
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#break(0, error.message)
      return
    }
    if (this.#options.keysFor !== null) this.#keys = await this.#options.keysFor(this.#header)
  }

  takeFrame(piece: FramePiece): void {
    const { frame } = piece
    if (this.#forgedAt === null && this.#keys !== null && !isGenuine(frame, piece.before, this.#keys)) {
      this.#forgedAt = frame.seq
    }
    if (this.#forgedAt !== null) {
      if (this.#isMadeUp(piece, this.#forgedAt)) this.#break(this.#forgedAt, 'a frame that is not genuine')
      return
    }
    const { type } = frame
    const expected = this.#options.heads.get(frame.seq + 1)
    if (expected !== undefined) this.#compare(piece, expected)
    this.#clocks.take(frame)
    if (this.#keys !== null && type === FRAME_TYPES.block && frame.clear) this.#takeBlock(frame)
    if (frame.final || CLOSING_TYPES.has(type)) this.#takeFinal(frame, piece.before)
    this.#last = piece
    this.#lastAt = this.#offset
    this.#offset = piece.endOffset
  }

  #compare({ frame, after }: FramePiece, expected: Uint8Array): void {
    if (!isSameDigest(expected, after)) this.#break(this.#anchored, 'it is not what the instance log says')
    else if (this.#options.counting?.has(frame.seq + 1) ?? true) this.#anchored = frame.seq + 1
  }

  /** Where a fault can be that shows at a frame: with the key it is this frame, or else any since the last head. */
  #unproven(frame: Frame): number {
    return this.#keys === null ? this.#anchored : frame.seq
  }

  #takeBlock(frame: Frame): void {
    try {
      const { first, entries } = decodeBlock(frame)
      if (first < this.#blockEntries) this.#break(frame.seq, 'a block with entries that came before')
      this.#blockEntries = first + entries
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#break(frame.seq, error.message)
    }
  }

  #takeFinal(frame: Frame, before: Uint8Array): void {
    const found = this.#endOf(frame, before)
    if (found === null) {
      this.#break(this.#unproven(frame), 'a final frame that closes nothing')
      return
    }
    const { end, isTrue } = found
    if (!isTrue) this.#break(this.#unproven(frame), `the frames are not those that it was ${end.kind} with`)
    this.#end = end
  }

  /** How a final frame ends the file, and whether it is true of what comes before. Null where it is no such frame. */
  #endOf(frame: Frame, before: Uint8Array): { readonly end: FileEnd; readonly isTrue: boolean } | null {
    try {
      const body = frame.clear && frame.final ? decodeCborMap(frame.body, 'the final frame') : null
      if (body !== null && frame.type === FRAME_TYPES.close) {
        const mark = decodeClose(body)
        const isTrue = mark.totalFrames === frame.seq + 1 && mark.totalBytes === this.#offset
        return { end: { kind: 'closed', mark }, isTrue: isTrue && isSameDigest(mark.chain, before) }
      }
      if (body !== null && frame.type === FRAME_TYPES.recovery) {
        const mark = decodeRecovery(body)
        const isTrue = mark.lastSeq === frame.seq - 1 && isSameDigest(mark.lastChain, before)
        return { end: { kind: 'recovered', mark }, isTrue }
      }
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
    }
    return null
  }

  /**
   * Whether a frame that is not genuine shows that somebody wrote here. A crash tears a final frame at the edge of a sector,
   * and leaves none behind a tear, since all before it was on the disk. One that is true but for its tag was made up.
   */
  #isMadeUp({ frame, before, endOffset }: FramePiece, forgedAt: number): boolean {
    if (!frame.final || frame.seq > forgedAt) return frame.final
    const isTagTorn = Math.floor((endOffset - 1) / SECTOR_BYTES) * SECTOR_BYTES > endOffset - TAG_BYTES
    return !isTagTorn && this.#endOf(frame, before)?.isTrue === true
  }

  takeEnd(piece: Extract<Piece, { kind: 'end' }>): void {
    if (this.#head === null || this.#head.frames === 0) {
      // Header and first frame are durable before the file has its name: no crash takes them.
      this.#break(0, piece.why ?? 'no frames')
    }
    const rest = piece.rest + (piece.offset - this.#offset)
    if (rest === 0) return
    const why = this.#forgedAt === null ? (piece.why ?? 'loose bytes') : 'a frame that is not genuine'
    if (this.#end.kind !== 'open') this.#break(this.#head?.frames ?? 0, why)
    else this.#end = { kind: 'torn', bytes: rest, why }
  }

  #break(seq: number, why: string): void {
    this.#broken ??= { seq, why }
  }
}
