/** Bytes in pieces of any size, as a file stream gives them. */
export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Bytes that came and are not used up. What lies within one piece is given as a view of it; only what doesn't is copied. */
export class Unread {
  #chunks: Buffer[] = []
  /** How much of the first chunk is used up. */
  #at = 0
  #buffered = 0
  #total = 0

  /** All that ever came. */
  get total(): number {
    return this.#total
  }
  get isEmpty(): boolean {
    return this.#buffered === 0
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    this.#buffered += chunk.length
    this.#total += chunk.length
  }

  /** Counts bytes that nobody will ask for. */
  skip(count: number): void {
    this.#total += count
  }

  /** So many bytes, left in place, or null while fewer are there. */
  peek(count: number): Buffer | null {
    if (this.#buffered < count) return null
    const [first] = this.#chunks
    if (first !== undefined && first.length - this.#at >= count) return first.subarray(this.#at, this.#at + count)
    return this.#gathered(count)
  }

  peekU32(): number | null {
    const [first] = this.#chunks
    if (first !== undefined && first.length - this.#at >= 4) return first.readUInt32BE(this.#at)
    return this.peek(4)?.readUInt32BE(0) ?? null
  }

  /** So many bytes, used up, or null while fewer are there. */
  take(count: number): Buffer | null {
    const taken = this.peek(count)
    if (taken === null) return null
    this.#buffered -= count
    this.#at += count
    for (let first = this.#chunks[0]; first !== undefined && this.#at >= first.length; first = this.#chunks[0]) {
      this.#at -= first.length
      this.#chunks.shift()
    }
    return taken
  }

  #gathered(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count)
    let end = 0
    let from = this.#at
    for (const chunk of this.#chunks) {
      if (end === count) break
      end += chunk.copy(bytes, end, from, from + count - end)
      from = 0
    }
    return bytes
  }
}
