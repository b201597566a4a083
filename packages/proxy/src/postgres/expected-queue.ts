import type { Expected, Running } from './expected.ts'

/** What the server owes, in the order in which it will answer. */
export class ExpectedQueue {
  #items: readonly Expected[] = []
  #head = 0

  get head(): Expected | undefined {
    return this.#items[this.#head]
  }

  get isEmpty(): boolean {
    return this.#head >= this.#items.length
  }

  /**
   * The statement that the server is on, or comes to next. A server keeps its answers to the messages before it until
   * its buffer is full or a Sync comes, so what is answered says nothing of how far it has got.
   */
  get running(): Running | null {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i]
      if (item?.kind === 'execute') return item.running
    }
    return null
  }

  add(items: readonly Expected[]): void {
    this.#items = this.isEmpty ? items : [...this.#items.slice(this.#head), ...items]
    this.#head = 0
  }

  advance(): void {
    this.#head += 1
  }

  /** Drops all up to the next Sync, and gives what was dropped. */
  skip(): Expected[] {
    const skipped: Expected[] = []
    for (;;) {
      const item = this.head
      if (item === undefined || item.kind === 'sync') return skipped
      skipped.push(item)
      this.#head += 1
    }
  }
}
