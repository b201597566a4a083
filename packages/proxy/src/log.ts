import { type DestinationStream, pino } from 'pino'
import { type LogFields, presentable } from './log-fields.ts'
import type { LogLevel } from './log-level.ts'

/** A text that stands in the source as it is: one that was put together at run time could hold anything. */
type Literal<M extends string> = Record<never, never> extends Record<M, 1> ? never : M
type Write = <M extends string>(fields: LogFields, message: Literal<M>) => void

/**
 * Structured logs. What can be logged is a list, not what can't: a field that {@link LogFields} doesn't name, or whose
 * value hasn't its shape, is left out; a message is a literal; of an error that isn't ours only its kind and place are
 * told. So no token, password, statement or value gets here, whoever calls.
 */
export interface Log {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly setLevel: (level: LogLevel) => void
}

/**
 * Opens a log of JSON lines, on standard output unless told otherwise.
 *
 * @example
 * const log = openLog('info')
 * log.info({ session: session.id, target: 'app' }, 'session opened')
 */
export function openLog(level: LogLevel, destination?: DestinationStream): Log {
  const out = pino({ level, base: null }, ...(destination === undefined ? [] : [destination]))
  return {
    debug: (fields, message) => out.debug(presentable(fields), message),
    info: (fields, message) => out.info(presentable(fields), message),
    warn: (fields, message) => out.warn(presentable(fields), message),
    error: (fields, message) => out.error(presentable(fields), message),
    setLevel: next => {
      out.level = next
    },
  }
}

/** The same log, with a worker's number in each line. */
export function logOfWorker(log: Log, worker: number): Log {
  return {
    debug: (fields, message) => log.debug({ ...fields, worker }, message),
    info: (fields, message) => log.info({ ...fields, worker }, message),
    warn: (fields, message) => log.warn({ ...fields, worker }, message),
    error: (fields, message) => log.error({ ...fields, worker }, message),
    setLevel: log.setLevel,
  }
}
