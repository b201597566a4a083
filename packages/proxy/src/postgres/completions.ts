import type { Cleared, Completion, Refusal, ServerMessage, Session } from '@querywarden/policy-core'
import type { Expected, Running } from './expected.ts'
import type { Portal } from './portal.ts'

/** What a statement took, so far. */
type Measured = Pick<Extract<Completion, { kind: 'done' }>, 'rows' | 'bytes' | 'ms' | 'waitedMs'>

/** What an error of the server's makes of a statement. 57014 is query_canceled; some errors are refusals of ours. */
export function failure(error: ServerMessage, measured: Measured, refusal: Refusal | null = null): Completion {
  const { sqlstate } = error
  if (refusal !== null) return { kind: 'cancelled', why: `${refusal.code}: ${refusal.message}`, ...measured }
  return sqlstate === '57014'
    ? { kind: 'cancelled', why: 'cancelled by the client or the database', ...measured }
    : { kind: 'failed', sqlstate, error, ...measured }
}

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

  /** The commit at a Sync failed. `last`: the statement before it, where that would have been done but for this. */
  notCommitted(last: Running | null, error: ServerMessage): void {
    const { sqlstate } = error
    if (last === null) this.error(null, error)
    else this.finish(last, { kind: 'failed', sqlstate, error, ...this.measure(last) })
    const what = `the transaction was rolled back at its commit: SQLSTATE ${sqlstate}`
    this.#note(this.#session.incident(null, 'COMMIT_FAILED', what))
  }

  /** An error that is no completion's, in the words that the client is shown. */
  error(cleared: Cleared | null, message: ServerMessage): void {
    this.#note(this.#session.notice(cleared, message))
  }

  /**
   * Notes what the server won't come to: statements, and portals that are bound for a later Execute. Should a portal
   * outlive the error, it is decided anew.
   */
  notRun(skipped: readonly Expected[], why = 'an earlier statement of its batch failed'): void {
    for (const item of skipped) {
      if (item.kind === 'execute') {
        this.finish(item.running, { kind: 'not-run', why })
        item.running.portal.run.cleared = null
        item.running.portal.run.isBegun = false
        item.running.portal.run.sentMs = null
      } else if (item.kind === 'bind') this.unused(item.portal, why)
    }
  }

  /** Notes a portal that was cleared at its Bind and will never be executed. A FETCH never has a clearance of its own. */
  unused({ run: { cleared, isBegun }, statement }: Portal, why: string): void {
    if (statement.naming?.command.kind === 'fetch') return
    if (cleared !== null && !isBegun) this.#note(this.#session.finish(cleared, { kind: 'not-run', why }))
  }

  measure({ portal: { run }, cleared, startedMs }: Running): Measured {
    const ms = startedMs === null ? 0 : this.#monotonic() - startedMs
    const { rows, bytes, sentMs } = run
    return sentMs === null
      ? { rows, bytes, ms }
      : { rows, bytes, ms, waitedMs: Math.max(0, sentMs - cleared.clearedMs) }
  }

  /** A batch is about to be written. */
  sent(expected: readonly Expected[]): void {
    let nowMs: number | null = null
    for (const item of expected) {
      if (item.kind !== 'execute') continue
      nowMs ??= this.#monotonic()
      item.running.portal.run.sentMs ??= nowMs
    }
  }

  /** Resolves when every completion so far is with the recorder; null when nothing is to be waited for. */
  recorded(): Promise<void> | null {
    const due = this.#due
    const [only] = due
    if (only === undefined) return null
    this.#due = []
    return due.length === 1 ? only : Promise.all(due).then(() => undefined)
  }

  #note(noted: Promise<void>): void {
    // Awaited by `recorded`; until then a failure must not count as unhandled.
    noted.catch(() => undefined)
    this.#due.push(noted)
  }
}
