import { FrameError } from './frame-error.ts'
import { decodeLossyUtf8, decodeUtf8 } from './utf8.ts'

/**
 * Reads a message body front to back, in network byte order. Every read is checked against what is left; a short body is
 * an error, never a shorter value. Byte values are views of the body, not copies.
 *
 * @example
 * const reader = new Reader(body, 'Describe')
 * const kind = reader.byte()
 * const name = reader.cstring()
 * reader.end()
 */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #message: string
  #at = 0

  /** @param message the protocol's name of the message, for errors */
  constructor(bytes: Uint8Array, message: string) {
    this.#bytes = bytes
    this.#message = message
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#at
  }

  byte(): number {
    return this.#at8(this.#take(1))
  }

  int16(): number {
    return (this.uint16() << 16) >> 16
  }

  uint16(): number {
    const start = this.#take(2)
    return (this.#at8(start) << 8) | this.#at8(start + 1)
  }

  int32(): number {
    const start = this.#take(4)
    return (this.#at8(start) << 24) | (this.#at8(start + 1) << 16) | (this.#at8(start + 2) << 8) | this.#at8(start + 3)
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** A count of things that take at least `itemBytesMin` bytes each; one that the body can't hold is refused at once. */
  count(value: number, itemBytesMin: number): number {
    if (value < 0 || value * itemBytesMin > this.remaining) {
      throw this.malformed(`counts ${value} items in ${this.remaining} bytes`)
    }
    return value
  }

  /** Exactly `count` bytes. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count)
    return this.#bytes.subarray(start, start + count)
  }

  /** A value behind its Int32 length, where -1 is NULL and no other negative length exists. */
  nullableBytes(): Uint8Array | null {
    const length = this.int32()
    if (length === -1) return null
    if (length < 0) throw this.malformed(`has a value of ${length} bytes`)
    return this.bytes(length)
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }

  /** Bytes up to the next NUL, which is consumed and not part of them. */
  cstringBytes(): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end === -1) throw this.malformed('has a string without its terminator')
    const text = this.#bytes.subarray(this.#at, end)
    this.#at = end + 1
    return text
  }

  /** A NUL-terminated string in strict UTF-8. */
  cstring(): string {
    return decodeUtf8(this.cstringBytes(), this.#message)
  }

  /** A NUL-terminated string whose encoding the sender may not have known. */
  lossyCstring(): { readonly text: string; readonly lossy: boolean } {
    return decodeLossyUtf8(this.cstringBytes())
  }

  /** Asserts that every byte was read: what follows a message's last field was put there to be read by someone else. */
  end(): void {
    if (this.remaining !== 0) throw this.malformed(`has ${this.remaining} bytes after its last field`)
  }

  /** The error for a body that breaks the message's own rules. */
  malformed(what: string): FrameError {
    return new FrameError('MALFORMED', `\`${this.#message}\` ${what}`, { at: this.#at })
  }

  // A DataView would have to be made for each message, which costs more than all that is read through it.
  #at8(at: number): number {
    return this.#bytes[at] ?? 0
  }

  #take(count: number): number {
    if (count > this.remaining) throw this.malformed(`ends ${count - this.remaining} bytes early`)
    const start = this.#at
    this.#at += count
    return start
  }
}
