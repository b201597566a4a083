import type { Completion, Session } from '@querywarden/policy-core'
import type { Running } from './expected.ts'

/** What a statement took, so far. */
interface Measured {
  readonly rows: number
  readonly bytes: number
  readonly ms: number
}

/** What an error of the server's makes of a statement. 57014 is query_canceled. */
export const failure = (sqlstate: string, measured: Measured): Completion =>
  sqlstate === '57014'
    ? { kind: 'cancelled', why: 'cancelled by the client or the database', ...measured }
    : { kind: 'failed', sqlstate, ...measured }

/** Records what became of statements, and knows when all of it is with the recorder. */
export class Completions {
  readonly #session: Session
  readonly #monotonic: () => number
  #due: Promise<void>[] = []

  constructor(session: Session, monotonic: () => number) {
    this.#session = session
    this.#monotonic = monotonic
  }

  finish(running: Running, completion: Completion): void {
    this.#note(this.#session.finish(running.cleared, completion))
  }

  incident(running: Running | null, code: string, message: string): void {
    this.#note(this.#session.incident(running?.cleared ?? null, code, message))
  }

  /** Notes statements that the server won't come to. Should their portals outlive the error, they are decided anew. */
  notRun(skipped: readonly Running[], why = 'an earlier statement of its batch failed'): void {
    for (const running of skipped) {
      this.finish(running, { kind: 'not-run', why })
      running.portal.cleared = null
    }
  }

  measure({ portal, startedMs }: Running): Measured {
    const ms = startedMs === null ? 0 : this.#monotonic() - startedMs
    return { rows: portal.rows, bytes: portal.bytes, ms }
  }

  /** Resolves when every completion so far is with the recorder. */
  async recorded(): Promise<void> {
    const due = this.#due
    this.#due = []
    await Promise.all(due)
  }

  #note(noted: Promise<void>): void {
    // Awaited by `recorded`; until then a failure must not count as unhandled.
    noted.catch(() => undefined)
    this.#due.push(noted)
  }
}
