import { FrameError } from '../bytes/frame-error.ts'
import { LENGTH_MAX } from '../bytes/writer.ts'
import {
  checkedFrameBytes,
  checkTag,
  compileFrameRules,
  type FrameLimits,
  type FrameRules,
  HEADER_BYTES,
} from './frame-rules.ts'

const EMPTY = new Uint8Array(0)
const EMPTY_VIEW = new DataView(EMPTY.buffer)

/** Smaller frames are joined: that costs little memory, and whoever looks at them has them whole. */
const PARTS_FROM_BYTES = 262_144

/** What of a frame is shown: all of it, or one part of one that is too large to be kept. */
export type FramePart = 'whole' | 'first' | 'middle' | 'last'

/**
 * A cursor over the frames of received chunks that makes no object a frame (bench/frame-split.mjs). A frame that lies
 * within one chunk is shown in place; one split across chunks is joined first, so a frame is only shown whole: unless it
 * is large and `inParts` says of its tag that it need not be. Then it is shown part by part, as it comes, whatever its
 * size, and nothing of it is kept.
 *
 * The joined frame, if there is one, is always the first of a chunk. Hence a run of frames to pass on untouched is
 * `bytes.subarray(start of the first, end of the last)` for as long as `bytes` stays the same array.
 *
 * A chunk is the caller's again once `next` returned false: the scanner has let go of it, so it may be overwritten, as the
 * one buffer of a socket's `onread` is, and until the next frame there is none to look at. What was joined stays valid
 * for good.
 *
 * @example
 * scanner.push(chunk)
 * let from = 0
 * let source = chunk
 * let to = 0
 * while (scanner.next()) {
 *   if (scanner.bytes !== source) { write(source.subarray(from, to)); source = scanner.bytes; from = scanner.start }
 *   if (scanner.tag === BACKEND.dataRow) rows += 1
 *   to = scanner.end
 * }
 * write(source.subarray(from, to))
 */
export class FrameScanner {
  #limits: FrameLimits
  #chunk: Uint8Array = EMPTY
  #view: DataView = EMPTY_VIEW
  #at = 0
  #joined: Uint8Array = EMPTY
  #joinedBytes = 0
  #tag = 0
  #bytes: Uint8Array = EMPTY
  #start = 0
  #end = 0
  #part: FramePart = 'whole'
  #total = 0
  /** Bytes to come of a frame that is shown in parts. */
  #left = 0
  readonly #inParts: ((tag: number) => boolean) | null

  /** @param inParts - Asked of the tag of a large frame, once it is the next: whether it may be shown in parts. */
  constructor(rules: FrameRules, inParts: ((tag: number) => boolean) | null = null) {
    this.#limits = compileFrameRules(rules)
    this.#inParts = inParts
  }

  /** The current frame's first byte. */
  get tag(): number {
    return this.#tag
  }

  /** The array that the current frame lies in: the pushed chunk itself, or a joined frame's own. Empty without a frame. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Where the current frame's header starts in `bytes`. */
  get start(): number {
    return this.#start
  }

  /** Where the current frame ends in `bytes`, exclusive. */
  get end(): number {
    return this.#end
  }

  /** What `start` and `end` show of the current frame. Its header is in the first part. */
  get part(): FramePart {
    return this.#part
  }

  /** Bytes of the current frame, with all of its parts. */
  get total(): number {
    return this.#total
  }

  /** The most bytes that a whole frame of the current one's tag may have. */
  get frameBytesMax(): number {
    return this.#limits[this.#tag] ?? 0
  }

  /** The current frame's body, as a view. */
  get body(): Uint8Array {
    return this.#bytes.subarray(this.#start + HEADER_BYTES, this.#end)
  }

  /** Bytes pushed and not shown yet. */
  get buffered(): number {
    return this.#joinedBytes + this.#chunk.byteLength - this.#at
  }

  /** Whether the next byte belongs to a frame of which parts have been shown. */
  get isMidFrame(): boolean {
    return this.#left > 0
  }

  /** New rules for all frames not shown yet. */
  expect(rules: FrameRules): void {
    this.#limits = compileFrameRules(rules)
  }

  /** Gives the next chunk. Only after `next` returned false for the one before. */
  push(chunk: Uint8Array): void {
    if (this.#at !== this.#chunk.byteLength) throw new Error('the chunk before must be scanned to its end first')
    this.#chunk = chunk
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#at = 0
  }

  /**
   * Moves to the next whole frame, or part of one; false until another chunk is pushed.
   *
   * @throws FrameError `UNKNOWN_TAG`, `TOO_SMALL` or `TOO_LARGE`: the stream is beyond repair
   */
  next(): boolean {
    if (this.#left > 0) return this.#nextPart()
    if (this.#joinedBytes > 0) return this.#join()
    const at = this.#at
    const left = this.#chunk.byteLength - at
    if (left < HEADER_BYTES) return this.#rest(HEADER_BYTES)
    const tag = this.#view.getUint8(at)
    const total = this.#totalOf(tag, this.#view.getUint32(at + 1))
    if (left < total) {
      if (!this.#isInParts(tag, total)) return this.#rest(total)
      this.#at = this.#chunk.byteLength
      return this.#show('first', tag, total, total - left, this.#chunk, at, this.#at)
    }
    this.#at = at + total
    this.#tag = tag
    // A store of a reference costs more than the comparison, and this is the loop that runs per row.
    if (this.#bytes !== this.#chunk) this.#bytes = this.#chunk
    this.#start = at
    this.#end = this.#at
    this.#part = 'whole'
    this.#total = total
    return true
  }

  /**
   * Shows all up to `end` with the current frame, as one. For a caller that has looked at the frames behind it in `bytes`, in
   * a loop of its own: each must be one that `next` would have shown whole.
   */
  extendTo(end: number): void {
    if (end === this.#end) return
    if (this.#bytes !== this.#chunk || this.#at !== this.#end || end < this.#end || end > this.#chunk.byteLength)
      throw new Error('only frames that lie behind the current one in the same chunk can be shown with it')
    this.#total += end - this.#end
    this.#at = end
    this.#end = end
  }

  /** Asserts that no byte is waiting. @throws FrameError `MALFORMED` */
  assertEmpty(): void {
    if (this.buffered === 0) return
    throw new FrameError('MALFORMED', `${this.buffered} bytes came where none may`, { bytes: this.buffered })
  }

  /** The bytes of a whole frame. One that may be shown in parts is bounded by the protocol alone. */
  #totalOf(tag: number, length: number): number {
    const isTooLarge = length >= (this.#limits[tag] ?? 0) && length <= LENGTH_MAX
    return isTooLarge && this.#limits[tag] !== 0 && this.#isInParts(tag, length + 1)
      ? length + 1
      : checkedFrameBytes(this.#limits, tag, length)
  }

  #isInParts(tag: number, total: number): boolean {
    return total >= PARTS_FROM_BYTES && this.#inParts !== null && this.#inParts(tag)
  }

  /** What the chunk has of the frame that is shown in parts. */
  #nextPart(): boolean {
    const at = this.#at
    const count = Math.min(this.#left, this.#chunk.byteLength - at)
    if (count === 0) return this.#letGo()
    const left = this.#left - count
    this.#at = at + count
    return this.#show(left === 0 ? 'last' : 'middle', this.#tag, this.#total, left, this.#chunk, at, this.#at)
  }

  #show(
    part: FramePart,
    tag: number,
    total: number,
    left: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): true {
    this.#part = part
    this.#tag = tag
    this.#total = total
    this.#left = left
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    return true
  }

  /** Completes the frame that earlier chunks began. */
  #join(): boolean {
    checkTag(this.#limits, this.#joined[0] ?? 0)
    const isNew = this.#joinedBytes < HEADER_BYTES
    if (isNew) {
      this.#keep(HEADER_BYTES - this.#joinedBytes, HEADER_BYTES)
      if (this.#joinedBytes < HEADER_BYTES) return this.#letGo()
    }
    const tag = this.#joined[0] ?? 0
    const length = new DataView(this.#joined.buffer).getUint32(1)
    const total = this.#totalOf(tag, length)
    if (isNew && this.#isInParts(tag, total)) {
      const header = this.#takeJoined()
      return this.#show('first', tag, total, total - header.byteLength, header, 0, header.byteLength)
    }
    this.#keep(total - this.#joinedBytes, total)
    if (this.#joinedBytes < total) return this.#letGo()
    return this.#show('whole', tag, total, 0, this.#takeJoined(), 0, total)
  }

  /** The next split frame gets an array of its own, so this one is never written again. */
  #takeJoined(): Uint8Array {
    const joined = this.#joined.subarray(0, this.#joinedBytes)
    this.#joined = EMPTY
    this.#joinedBytes = 0
    return joined
  }

  /** Keeps what is left of the chunk as the beginning of a frame of at least `total` bytes. */
  #rest(total: number): false {
    this.#keep(total, total)
    return this.#letGo()
  }

  /** Forgets the chunk, all of which was shown or kept: a reference would hold it in memory while a session is idle. */
  #letGo(): false {
    this.#chunk = EMPTY
    this.#view = EMPTY_VIEW
    this.#at = 0
    this.#bytes = EMPTY
    this.#start = 0
    this.#end = 0
    return false
  }

  /** Copies up to `wanted` bytes of the chunk to the frame being joined, which will have at least `total` in the end. */
  #keep(wanted: number, total: number): void {
    const count = Math.min(wanted, this.#chunk.byteLength - this.#at)
    if (count === 0) return
    const held = this.#joinedBytes
    if (held + count > this.#joined.byteLength) {
      // By what was received, doubled for the sake of many small chunks, and never past the frame's end.
      const grown = new Uint8Array(Math.max(HEADER_BYTES, held + count, Math.min(held * 2, total)))
      grown.set(this.#joined.subarray(0, held))
      this.#joined = grown
    }
    this.#joined.set(this.#chunk.subarray(this.#at, this.#at + count), held)
    this.#at += count
    this.#joinedBytes = held + count
    checkTag(this.#limits, this.#joined[0] ?? 0)
  }
}
