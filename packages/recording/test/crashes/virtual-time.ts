import type { Clock } from '@querywarden/policy-core'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** True this often. */
  of(share: number): boolean {
    return this.next() < share
  }

  pick<T>(of: readonly [T, ...T[]]): T {
    return of[this.below(of.length)] ?? of[0]
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at++) bytes[at] = this.below(256)
    return bytes
  }
}

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

const START_MS = 1_700_000_000_000

/** Time that goes on only when nothing else is left to do, and then at once. What happens at one moment does so in order. */
export class VirtualTime {
  #ms = 0
  #order = 0
  /** A heap: none is due before the one that it hangs from. */
  readonly #due: Due[] = []

  readonly clock: Clock = { now: () => START_MS + this.#ms, monotonic: () => this.#ms }

  readonly sleep = (ms: number): Promise<void> => new Promise(resolve => this.after(ms, resolve))

  get ms(): number {
    return this.#ms
  }

  after(ms: number, run: () => void): void {
    const due = this.#due
    due.push({ at: this.#ms + ms, order: this.#order++, run })
    for (let at = due.length - 1; at > 0; ) {
      const above = (at - 1) >> 1
      if (!this.#isBefore(at, above)) break
      this.#swap(at, above)
      at = above
    }
  }

  /** Lets time go on until something is so, or nothing is due any more, or for so many milliseconds. */
  async until(isSo: () => boolean, msMax: number): Promise<void> {
    const end = this.#ms + msMax
    for (;;) {
      // All that the last step set going gets its turn first.
      await new Promise(resolve => setImmediate(resolve))
      const next = isSo() ? undefined : this.#due[0]
      if (next === undefined || next.at > end) return
      this.#ms = next.at
      this.#removeFirst()
      next.run()
    }
  }

  /** Forgets all that is due: the machine it was due on is no more. */
  forget(): void {
    this.#due.length = 0
  }

  #removeFirst(): void {
    const due = this.#due
    const last = due.pop()
    if (last === undefined || due.length === 0) return
    due[0] = last
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      if (left >= due.length) break
      const first = right < due.length && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(first, at)) break
      this.#swap(at, first)
      at = first
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#due[a], this.#due[b]]
    if (one === undefined || other === undefined) return false
    return one.at === other.at ? one.order < other.order : one.at < other.at
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#due[a], this.#due[b]]
    if (one === undefined || other === undefined) return
    this.#due[a] = other
    this.#due[b] = one
  }
}
