import { MaskingError } from '../errors.ts'

/** Up to here a loop copies faster than a call (bench/masking.mjs). */
const LOOP_BYTES_MAX = 32

/**
 * Bytes to be sent, written without an allocation once it has grown to its task. Read `bytes` up to `length`, then
 * `clear`. Holds at most `bytesMax` bytes and throws `ROW_TOO_LARGE` beyond.
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
  readonly #bytesMax: number

  constructor({ bytesInitial, bytesMax }: { readonly bytesInitial: number; readonly bytesMax: number }) {
    this.bytes = new Uint8Array(Math.min(bytesInitial, bytesMax))
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
  }

  /** Appends `source` from `start` to `end`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (this.length + count > this.bytes.length) this.reserve(count)
    const { bytes, length } = this
    if (count > LOOP_BYTES_MAX) bytes.set(source.subarray(start, end), length)
    else for (let index = 0; index < count; index++) bytes[length + index] = source[start + index] ?? 0
    this.length = length + count
  }

  /** Appends a 32-bit integer, most significant byte first. */
  appendInt32(value: number): void {
    if (this.length + 4 > this.bytes.length) this.reserve(4)
    this.setInt32(this.length, value)
    this.length += 4
  }

  /** Overwrites four bytes already written. */
  setInt32(at: number, value: number): void {
    this.bytes[at] = value >>> 24
    this.bytes[at + 1] = value >>> 16
    this.bytes[at + 2] = value >>> 8
    this.bytes[at + 3] = value
  }

  /** Forgets what was written; keeps the memory. */
  clear(): void {
    this.length = 0
  }
}
