import { MaskingError } from '../errors.ts'

/** From here on a call copies faster than a loop over words, which is faster than one over bytes (bench/masking.mjs). */
const CALL_BYTES_MIN = 192
const WORD_BYTES = 4

/**
 * Bytes to be sent, written without an allocation once it has grown to its task. Read `bytes` up to `length`, then
 * `clear`; growing replaces `bytes`. Holds at most `bytesMax` bytes and throws `ROW_TOO_LARGE` beyond.
 *
 * @example
 * ```ts
 * const target = new OutputBuffer({ bytesInitial: 128 * 1024, bytesMax: 64 * 1024 * 1024 })
 * masker.mask(chunk, 0, chunk.length, target)
 * socket.write(target.bytes.slice(0, target.length))
 * target.clear()
 * ```
 */
export class OutputBuffer {
  bytes: Uint8Array
  length = 0
  #view: DataView
  readonly #bytesMax: number

  constructor({ bytesInitial, bytesMax }: { readonly bytesInitial: number; readonly bytesMax: number }) {
    this.bytes = new Uint8Array(Math.min(bytesInitial, bytesMax))
    this.#view = viewOf(this.bytes)
    this.#bytesMax = bytesMax
  }

  /** Makes room for that many more bytes. */
  reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.bytes.length) return
    if (needed > this.#bytesMax) {
      throw new MaskingError('ROW_TOO_LARGE', `output of ${needed} bytes exceeds the limit of ${this.#bytesMax}`)
    }
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
    this.#view = viewOf(grown)
  }

  /** Appends `source` from `start` to `end`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (this.length + count > this.bytes.length) this.reserve(count)
    const { bytes, length } = this
    if (count >= CALL_BYTES_MIN) bytes.set(source.subarray(start, end), length)
    else for (let index = 0; index < count; index++) bytes[length + index] = source[start + index] ?? 0
    this.length = length + count
  }

  /** Appends `source` from `start` to `end`: the faster way, for who has a view of it. */
  appendView(source: DataView, start: number, end: number): void {
    const count = end - start
    if (this.length + count > this.bytes.length) this.reserve(count)
    const at = this.length
    this.length = at + count
    if (count >= CALL_BYTES_MIN) {
      this.bytes.set(new Uint8Array(source.buffer, source.byteOffset + start, count), at)
      return
    }
    const view = this.#view
    let index = 0
    for (; index <= count - WORD_BYTES; index += WORD_BYTES) {
      view.setInt32(at + index, source.getInt32(start + index, true), true)
    }
    for (; index < count; index++) view.setUint8(at + index, source.getUint8(start + index))
  }

  /** Appends a 32-bit integer, most significant byte first. */
  appendInt32(value: number): void {
    this.reserve(WORD_BYTES)
    this.#view.setInt32(this.length, value)
    this.length += WORD_BYTES
  }

  /** Overwrites four bytes already written. */
  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value)
  }

  /** Forgets what was written; keeps the memory. */
  clear(): void {
    this.length = 0
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
