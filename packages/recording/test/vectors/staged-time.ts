import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'

const START_MS = 1_750_000_000_000

/** Time that goes on when it is told to: the same account has the same stamps, however long the disk took. */
export class StagedTime {
  #ms = 0
  /** How far the wall clock was set off the other one. */
  #wallOffset = 0
  #due: { readonly at: number; readonly wake: () => void }[] = []

  readonly clock: Clock = { now: () => START_MS + this.#ms + this.#wallOffset, monotonic: () => this.#ms }

  readonly sleep = (ms: number): Promise<void> => new Promise(wake => this.#due.push({ at: this.#ms + ms, wake }))

  /** Sets the wall clock, and not the other. */
  setWall(offsetMs: number): void {
    this.#wallOffset = offsetMs
  }

  /** Lets time go on, and what waited for it do its work on the disk. */
  async pass(ms: number): Promise<void> {
    this.#ms += ms
    const woken = this.#due.filter(({ at }) => at <= this.#ms)
    this.#due = this.#due.filter(({ at }) => at > this.#ms)
    for (const { wake } of woken) {
      wake()
      await turn()
    }
    await wait(SETTLE_MS)
  }
}

/** Real milliseconds that what was woken gets for writing and syncing. */
const SETTLE_MS = 60

/** Bytes that look random and are the same every time; enough of them for keys and nonces. */
export function staleBytes(): (count: number) => Uint8Array {
  let state = 0x9e3779b9
  return count => {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      bytes[at] = state >>> 24
    }
    return bytes
  }
}

/** Ids that sort in the order they were made. */
export function countedIds(): () => string {
  let count = 0
  return () => `0197a000-0000-7000-8000-${String(++count).padStart(12, '0')}`
}
