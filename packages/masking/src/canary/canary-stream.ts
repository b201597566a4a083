import type { Search } from './pattern-search.ts'

/**
 * Looks for canaries in bytes that come in pieces, however they are cut. Keeps no more of what was than one of them could
 * begin in.
 *
 * @example
 * ```ts
 * const stream = scanner.stream()
 * for await (const chunk of download) if (stream.push(chunk, 0, chunk.length) !== null) abort()
 * ```
 */
export class CanaryStream {
  readonly #find: Search
  readonly #keptMax: number
  readonly #joint: Uint8Array
  /** How many bytes at the beginning of `joint` are the last that came. */
  #kept = 0

  /** @param bytesMax - The most that one of what is looked for has. */
  constructor(find: Search, bytesMax: number) {
    this.#find = find
    this.#keptMax = bytesMax - 1
    this.#joint = new Uint8Array(2 * this.#keptMax)
  }

  /** Takes the next bytes, and gives the name of a canary that ends in them, or null. */
  push(bytes: Uint8Array, start: number, end: number): string | null {
    const kept = this.#kept
    const head = Math.min(end - start, this.#keptMax)
    this.#joint.set(bytes.subarray(start, start + head), kept)
    const found = (kept > 0 ? this.#find(this.#joint, 0, kept + head) : null) ?? this.#find(bytes, start, end)
    this.#keep(bytes, start, end, head)
    return found
  }

  /** What comes next has nothing to do with what came. */
  reset(): void {
    this.#kept = 0
  }

  #keep(bytes: Uint8Array, start: number, end: number, head: number): void {
    if (end - start >= this.#keptMax) {
      this.#joint.set(bytes.subarray(end - this.#keptMax, end))
      this.#kept = this.#keptMax
      return
    }
    const all = this.#kept + head
    const over = Math.max(0, all - this.#keptMax)
    this.#joint.copyWithin(0, over, all)
    this.#kept = all - over
  }
}
