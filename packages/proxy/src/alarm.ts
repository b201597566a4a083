import type { Recorder } from '@querywarden/policy-core'
import type { Log } from './log.ts'

/** What must never happen, by the codes of its incidents: somebody has to look. */
const ALARMS: ReadonlySet<string> = new Set(['RAW_COLUMN', 'UNEXPECTED_ORIGIN', 'CANARY'])

/** Puts what must never happen into the log as well, as it is recorded. What was read is in neither. */
export const alarming =
  (record: Recorder, log: Log): Recorder =>
  async opening => {
    const { session, principal, target } = opening
    const recorder = await record(opening)
    return {
      append: entry => {
        if (entry.kind === 'incident' && ALARMS.has(entry.code))
          log.error(
            { session, subject: principal.subject, target: target.name, reason: entry.code, why: entry.message },
            'something that must never go out was on its way to a client; the session was ended before it did',
          )
        return recorder.append(entry)
      },
      close: recorder.close,
    }
  }
