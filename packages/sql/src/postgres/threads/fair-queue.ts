/** What waits, by who asked. */
export interface FairQueueLimits {
  /** Of one asker. */
  readonly perAskerMax: number
  /** Of all together. */
  readonly waitingMax: number
}

/** A bounded queue in which askers take turns, and nobody has two things done at once. */
export class FairQueue<Item> {
  readonly #limits: FairQueueLimits
  /** In the order of their turns. */
  readonly #waiting = new Map<object, Item[]>()
  readonly #busy = new Set<object>()
  #count = 0

  constructor(limits: FairQueueLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#count
  }

  /** Takes an item in; false where there is no room. */
  add(asker: object, item: Item): boolean {
    const items = this.#waiting.get(asker) ?? []
    if (this.#count >= this.#limits.waitingMax || items.length >= this.#limits.perAskerMax) return false
    items.push(item)
    this.#waiting.set(asker, items)
    this.#count += 1
    return true
  }

  /** The next whose turn it is, or null. Its asker is busy until {@link release}. */
  take(): { readonly asker: object; readonly item: Item } | null {
    for (const [asker, items] of this.#waiting) {
      if (this.#busy.has(asker)) continue
      const item = items.shift()
      if (items.length === 0) this.#waiting.delete(asker)
      if (item === undefined) continue
      this.#count -= 1
      this.#busy.add(asker)
      return { asker, item }
    }
    return null
  }

  /** Whoever was just served comes after all others who wait. */
  release(asker: object): void {
    this.#busy.delete(asker)
    const items = this.#waiting.get(asker)
    if (items === undefined) return
    this.#waiting.delete(asker)
    this.#waiting.set(asker, items)
  }
}
