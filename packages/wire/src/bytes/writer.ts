import { FrameError } from './frame-error.ts'
import { encodeUtf8 } from './utf8.ts'

/**
 * The largest length field, in bytes and counting itself, that a PostgreSQL server reads: `PQ_LARGE_MESSAGE_LIMIT` is
 * `MaxAllocSize - 1` (src/include/libpq/libpq.h, src/include/utils/memutils.h). Well below 2^31, so no length that was
 * checked against it can wrap or turn negative.
 */
export const LENGTH_MAX: number = 0x3fff_fffe

const LENGTH_BYTES = 4
const SHORT_CHARS = 64

// Room made on a caller's word alone; beyond it a frame grows by what is written.
const ROOM_BYTES_MAX = 0x1_0000

/**
 * Writes one frame. Every length and count is checked *before* the bytes it announces are written, and the frame's own
 * length is always computed from what was written: no peer's length is ever repeated. Use once.
 *
 * @example
 * const writer = new Writer(BACKEND.parameterStatus)
 * writer.cstring(name)
 * writer.cstring(value)
 * return writer.finish()
 */
export class Writer {
  /** Where the frame begins in `#bytes`. */
  #start: number
  readonly #tagBytes: 0 | 1
  #bytes: Uint8Array
  #view: DataView
  #at: number
  /** How far `#bytes` is this frame's to write. */
  #end: number

  /**
   * @param tag the frame's first byte, or null for the untagged packets of start-up
   * @param bodyBytes how many bytes of body to make room for at first, a guess
   */
  constructor(tag: number | null, bodyBytes = 64) {
    this.#tagBytes = tag === null ? 0 : 1
    const room = this.#tagBytes + LENGTH_BYTES + (bodyBytes > 0 ? Math.min(bodyBytes, ROOM_BYTES_MAX) : 0)
    const { bytes, view, start } = takeRoom(room)
    this.#bytes = bytes
    this.#view = view
    this.#start = start
    this.#end = start + room
    this.#at = start + this.#tagBytes + LENGTH_BYTES
    if (tag !== null) this.#bytes[start] = tag
  }

  byte(value: number): void {
    assertInteger(value, 0, 0xff)
    const start = this.#reserve(1)
    this.#view.setUint8(start, value)
  }

  int16(value: number): void {
    assertInteger(value, -0x8000, 0x7fff)
    const start = this.#reserve(2)
    this.#view.setInt16(start, value)
  }

  uint16(value: number): void {
    assertInteger(value, 0, 0xffff)
    const start = this.#reserve(2)
    this.#view.setUint16(start, value)
  }

  int32(value: number): void {
    assertInteger(value, -0x8000_0000, 0x7fff_ffff)
    const start = this.#reserve(4)
    this.#view.setInt32(start, value)
  }

  uint32(value: number): void {
    assertInteger(value, 0, 0xffff_ffff)
    const start = this.#reserve(4)
    this.#view.setUint32(start, value)
  }

  /** A count that the protocol writes as Int16 and reads as signed. */
  count16(value: number): void {
    assertInteger(value, 0, 0x7fff)
    this.int16(value)
  }

  bytes(value: Uint8Array): void {
    const start = this.#reserve(value.byteLength)
    this.#bytes.set(value, start)
  }

  /** A value behind its Int32 length; null is -1. */
  nullableBytes(value: Uint8Array | null): void {
    if (value === null) {
      this.int32(-1)
      return
    }
    assertInteger(value.byteLength, 0, LENGTH_MAX)
    this.int32(value.byteLength)
    this.bytes(value)
  }

  /** Text and its terminator. Text that holds a NUL would end early and start something else, so it is refused. */
  cstring(text: string): void {
    // A character is at least one byte, so this refuses before an encoding of it is made.
    assertInteger(text.length, 0, LENGTH_MAX)
    if (this.#shortAscii(text)) return
    if (text.includes('\0')) throw new FrameError('UNENCODABLE', 'text with a NUL has no place in a message')
    const bytes = encodeUtf8(text)
    const start = this.#reserve(bytes.byteLength + 1)
    this.#bytes.set(bytes, start)
    this.#bytes[start + bytes.byteLength] = 0
  }

  /** Writes names and other short texts byte by byte: an encoder's call would cost more. False, and nothing, for others. */
  #shortAscii(text: string): boolean {
    if (text.length > SHORT_CHARS) return false
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0 || code >= 0x80) return false
    }
    const start = this.#reserve(text.length + 1)
    for (let i = 0; i < text.length; i++) this.#bytes[start + i] = text.charCodeAt(i)
    this.#bytes[start + text.length] = 0
    return true
  }

  /** The whole frame: tag, length, body. */
  finish(): Uint8Array {
    const lengthAt = this.#start + this.#tagBytes
    this.#view.setInt32(lengthAt, this.#at - lengthAt)
    return this.#bytes.subarray(this.#start, this.#at)
  }

  #reserve(count: number): number {
    const start = this.#at
    const end = start + count
    const length = end - this.#start - this.#tagBytes
    if (!Number.isInteger(count) || count < 0 || length > LENGTH_MAX) {
      throw new FrameError('UNENCODABLE', `frame of ${length} bytes exceeds the limit of ${LENGTH_MAX}`, {
        bytes: length,
        bytesMax: LENGTH_MAX,
      })
    }
    if (end <= this.#end) {
      this.#at = end
      return start
    }
    this.#grow(count)
    this.#at += count
    return this.#at - count
  }

  /** Moves to an array of its own, with room for `count` bytes more. */
  #grow(count: number): void {
    const written = this.#at - this.#start
    const room = this.#end - this.#start
    const grown = new Uint8Array(Math.max(written + count, Math.min(room * 2, LENGTH_MAX + 1)))
    grown.set(this.#bytes.subarray(this.#start, this.#at))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
    this.#start = 0
    this.#at = written
    this.#end = grown.byteLength
  }
}

// Most frames are small and soon gone: an array and a view for each would cost more than writing them.
const PAGE_BYTES = 16_384
let page = new Uint8Array(PAGE_BYTES)
let pageView = new DataView(page.buffer)
let pageAt = 0

/** Room that nobody else writes to. What was handed out is never taken back, so a frame stays as it was finished. */
function takeRoom(count: number): { readonly bytes: Uint8Array; readonly view: DataView; readonly start: number } {
  if (count > PAGE_BYTES / 4) {
    const bytes = new Uint8Array(count)
    return { bytes, view: new DataView(bytes.buffer), start: 0 }
  }
  if (pageAt + count > PAGE_BYTES) {
    page = new Uint8Array(PAGE_BYTES)
    pageView = new DataView(page.buffer)
    pageAt = 0
  }
  const start = pageAt
  pageAt += count
  return { bytes: page, view: pageView, start }
}

function assertInteger(value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new FrameError('UNENCODABLE', `number ${value} is not an integer from ${min} to ${max}`, { value, min, max })
  }
}
