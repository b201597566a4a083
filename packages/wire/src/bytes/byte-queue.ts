// Small chunks share a page instead of getting an allocation each.
const PAGE_BYTES = 4096

const EMPTY = new Uint8Array(0)
const EMPTY_VIEW = new DataView(EMPTY.buffer)

/**
 * Bytes received and not yet taken. It grows by what arrived, never by what a peer declared, and copies what it is
 * given, so a caller may reuse its chunk. Room that was handed out is never written again: what was taken stays valid.
 */
export class ByteQueue {
  #page: Uint8Array = EMPTY
  #view: DataView = EMPTY_VIEW
  #start = 0
  #end = 0

  /** Bytes held. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Copies a chunk in; it is the caller's again when this returns. */
  push(chunk: Uint8Array): void {
    if (chunk.byteLength > this.#page.byteLength - this.#end) this.#turnPage(chunk.byteLength)
    this.#page.set(chunk, this.#end)
    this.#end += chunk.byteLength
  }

  /** The first byte. Only with at least one byte held. */
  firstByte(): number {
    return this.#view.getUint8(this.#start)
  }

  /** The unsigned number at `offset`. Only with at least `offset + 4` bytes held. */
  uint32At(offset: number): number {
    return this.#view.getUint32(this.#start + offset)
  }

  /** Takes the first `count` bytes off. Only with at least that many held. */
  take(count: number): Uint8Array {
    const bytes = this.#page.subarray(this.#start, this.#start + count)
    this.#start += count
    // One large message would otherwise stay in memory for as long as its session is idle.
    if (this.#start === this.#end && this.#page.byteLength > PAGE_BYTES) this.#letGo()
    return bytes
  }

  #letGo(): void {
    this.#page = EMPTY
    this.#view = EMPTY_VIEW
    this.#start = 0
    this.#end = 0
  }

  #turnPage(incoming: number): void {
    const held = this.length
    // Doubling what is held keeps the copying linear, however small the chunks of a large frame are.
    const page = new Uint8Array(Math.max(PAGE_BYTES, held + incoming, held * 2))
    page.set(this.#page.subarray(this.#start, this.#end))
    this.#page = page
    this.#view = new DataView(page.buffer)
    this.#start = 0
    this.#end = held
  }
}
