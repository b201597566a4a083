import type { Answer, Pending, Question } from '@querywarden/policy-core'
import type { Seat } from '../admission.ts'
import type { Address } from '../config/config.ts'
import type { LogLevel } from '../log-level.ts'
import type { CancelKey } from '../postgres/cancel-keys.ts'
import type { Sources } from '../sources.ts'

interface Method<Argument, Result, Note = never> {
  readonly argument: Argument
  readonly answer: Result
  readonly note: Note
}

/** What a worker is to do. */
export interface Assignment {
  readonly sources: Sources
  /** Its number, from 0; whoever takes its place has the same. */
  readonly worker: number
  readonly workers: number
  readonly logLevel: LogLevel
}

/** A metric as prom-client gives it in JSON. */
export type MetricData = object

/** A place given by the primary, by its number there. */
export type GrantedSeat =
  | { readonly kind: 'taken'; readonly seat: number }
  | Extract<Seat, { readonly kind: 'refused' }>

/** What a worker asks of the primary. */
export type PrimaryMethods = {
  readonly assignment: Method<null, Assignment>
  readonly ready: Method<{ readonly postgres: Address }, null>
  /** It can't start. */
  readonly unable: Method<
    { readonly code: 'INVALID' | 'UNREADABLE' | 'SECRET_MISSING' | 'UNSAFE'; readonly message: string },
    null
  >
  /** It lives, and why it takes no sessions if it doesn't. */
  readonly alive: Method<{ readonly notReady: readonly string[] }, null>
  /** Asks people. Noted once there is a request; aborted when the asker leaves. */
  readonly approve: Method<Question, Answer, Pending>
  readonly seat: Method<{ readonly identity: string }, GrantedSeat>
  readonly leave: Method<{ readonly seat: number }, null>
  /** Cancels what a session of another worker runs; gives whether that one knew the key. */
  readonly cancel: Method<CancelKey, boolean>
  /** Answered once no worker decides by the schema as it was. */
  readonly schemaChanged: Method<{ readonly target: string }, null>
}

/** What the primary asks of a worker. */
export type WorkerMethods = {
  /** Opens all that another configuration asks for, on behalf of one reload. @throws {ConfigError} */
  readonly prepare: Method<{ readonly reload: number; readonly sources: Sources }, null>
  /** Puts in force what was prepared for this reload. */
  readonly commit: Method<{ readonly reload: number; readonly logLevel: LogLevel }, null>
  /** This reload is refused. */
  readonly discard: Method<{ readonly reload: number }, null>
  readonly cancel: Method<CancelKey, boolean>
  readonly forgetSchema: Method<{ readonly target: string }, null>
  readonly metrics: Method<null, readonly MetricData[]>
  /** Takes no more connections, ends the sessions, closes their recordings, and ends. */
  readonly stop: Method<null, null>
}
