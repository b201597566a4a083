import { after } from '../timer.ts'
import type { Running } from './expected.ts'
import { countRow, type Stop } from './statement-limits.ts'

/** Holds the policy's limits against the statement that runs. */
export class LimitWatch {
  readonly #cancelUpstream: () => void
  #callOff: (() => void) | null = null

  /** @param cancelUpstream - Asks the server to stop the statement in flight. */
  constructor(cancelUpstream: () => void) {
    this.#cancelUpstream = cancelUpstream
  }

  /** The server gets to the statement: its time begins. */
  start(running: Running): void {
    const { timeMsMax } = running.cleared.obligations.limits
    if (timeMsMax !== null) this.#callOff = after(timeMsMax, () => this.#stop(running, 'time'))
  }

  /** The server has done with it. */
  end(): void {
    this.#callOff?.()
    this.#callOff = null
  }

  /** Counts a row; false when it may not go out. */
  admits(running: Running, frameBytes: number): boolean {
    if (running.stopped !== null) return false
    const limit = countRow(running, frameBytes)
    if (limit !== null) this.#stop(running, limit)
    return limit === null
  }

  #stop(running: Running, why: Stop): void {
    running.stopped = why
    this.#cancelUpstream()
  }
}
