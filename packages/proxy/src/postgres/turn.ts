import type { BatchEnd } from './expected.ts'

/** The one place where somebody waits for the end of a batch. */
export class Turn {
  #settle: { readonly resolve: (end: BatchEnd) => void; readonly reject: (error: unknown) => void } | null = null
  /** How a batch ended while nobody waited for it. */
  #missed: BatchEnd | null = null

  /** Whether somebody waits. */
  get isDue(): boolean {
    return this.#settle !== null
  }

  /** What ended while nobody waited, once. */
  takeMissed(): BatchEnd | null {
    const missed = this.#missed
    this.#missed = null
    return missed
  }

  wait(): Promise<BatchEnd> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  end(end: BatchEnd): void {
    const settle = this.#settle
    this.#settle = null
    if (settle === null) this.#missed = end
    else settle.resolve(end)
  }

  fail(fault: Error): void {
    const settle = this.#settle
    this.#settle = null
    settle?.reject(fault)
  }
}
