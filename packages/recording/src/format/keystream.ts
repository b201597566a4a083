import type { Cipher } from 'node:crypto'

const AHEAD_BYTES = 2_048
const ZEROS = new Uint8Array(AHEAD_BYTES)

/**
 * A counter-mode cipher used a few bytes at a time. Its stream is fetched ahead and laid over the text here: a call into
 * the runtime, and the buffer that it gives back, cost more than some hundred bytes do.
 */
export class Keystream {
  readonly #cipher: Cipher
  #ahead: Uint8Array = new Uint8Array(0)
  #used = 0

  constructor(cipher: Cipher) {
    this.#cipher = cipher
  }

  /** Encrypts in place. The next call goes on where this one ends: no byte of the stream is used twice. */
  apply(text: Uint8Array): void {
    for (let at = 0; at < text.length; ) {
      if (this.#used === this.#ahead.length) this.#fetch()
      const end = Math.min(text.length, at + this.#ahead.length - this.#used)
      at = this.#cover(text, at, end)
    }
  }

  #cover(text: Uint8Array, from: number, end: number): number {
    const ahead = this.#ahead
    const offset = this.#used - from
    for (let at = from; at < end; at++) text[at] = (text[at] ?? 0) ^ (ahead[at + offset] ?? 0)
    this.#used = end + offset
    return end
  }

  #fetch(): void {
    this.#ahead = this.#cipher.update(ZEROS)
    this.#used = 0
  }
}
