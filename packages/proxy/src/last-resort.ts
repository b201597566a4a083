import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './log.ts'

/** How long the sessions have to end and their recordings to be closed. */
const LAST_MS_MAX = 5_000

/**
 * What is thrown in a session's code ends that session. What gets past that was thrown where nobody knows whose it is, and
 * what it left half done nobody knows either: the process says so, closes what it can, and ends (threats F34, O4). It is
 * never printed as Node would, with whatever its message holds.
 *
 * @param options.stop - Ends the sessions and closes their recordings.
 */
export function endOnFault(options: {
  readonly log: Log
  readonly stop: () => Promise<void>
  readonly exit: number
}): void {
  const { log, stop, exit } = options
  let isEnding = false
  const onFault = (error: unknown): void => {
    log.error({ error }, 'nobody caught this: the state of the process is not known any more, so it ends')
    if (isEnding) return
    isEnding = true
    const ended = stop().catch((failure: unknown) =>
      log.error({ error: failure }, 'the process could not end in order'),
    )
    void Promise.race([ended, sleep(LAST_MS_MAX)]).then(() => process.exit(exit))
  }
  process.on('uncaughtException', onFault)
  process.on('unhandledRejection', onFault)
}
