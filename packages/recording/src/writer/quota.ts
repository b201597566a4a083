import type { Entry } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { OUTCOME_BYTES_MAX } from './bounded-entry.ts'

/** Kept free for incidents and cancels, and for the closing frame. */
const INCIDENTS_RESERVE_BYTES = 4_096
const CLOSE_RESERVE_BYTES = 512

/** What may still be written in a session's quota, so that what was let run is accounted for in any case (R3). */
export class Quota {
  readonly #bytes: number
  /** Statements that were let run, and whose outcome isn't known yet. */
  #running = 0

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** Takes an entry after which the recording has so many bytes, if it fits together with what must follow it. */
  take(entry: Entry, bytesThen: number): boolean {
    const running = this.#running + (entry.kind === 'intent' ? 1 : 0)
    let reserve = CLOSE_RESERVE_BYTES
    // An incident doesn't take the room of outcomes; an outcome takes what was kept for it.
    if (entry.kind !== 'completion') reserve += running * OUTCOME_BYTES_MAX
    if (!isAftermath(entry)) reserve += INCIDENTS_RESERVE_BYTES
    if (bytesThen + reserve > this.#bytes) return false
    this.#running = entry.kind === 'completion' ? Math.max(0, running - 1) : running
    return true
  }

  exceeded(): RecordingError {
    return new RecordingError(
      'QUOTA_EXCEEDED',
      `the recording of this session has reached its quota of ${this.#bytes} bytes: the session ends; open another`,
    )
  }
}

/** What must be told of statements that were let run: taken as long as the session's own file takes anything. */
export const isAftermath = (entry: Entry): boolean =>
  entry.kind === 'completion' || entry.kind === 'incident' || entry.kind === 'cancel-requested'
