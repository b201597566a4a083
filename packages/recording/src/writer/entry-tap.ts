import type { Clock, CloseReason, Entry } from '@querywarden/policy-core'
import { type CborMap, decodeCborMap, encodeCbor } from '../format/canonical-cbor.ts'
import { decodeEntry, openedEvent } from '../format/decode-event.ts'
import type { EventStamp, RecordedEvent } from '../format/event.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import { type BodyRules, bodiesOf } from './entry-bodies.ts'

/**
 * Is told what goes into recordings, as it goes in: each event as a reader without the VALUE key reads it back, with the
 * header of its recording. Called within `append`, before the entry is durable; what it throws is dropped.
 *
 * @example
 * const onEntry: EntryTap = (event, header) => queue.push({ session: header.session, kind: event.kind })
 */
export type EntryTap = (event: RecordedEvent, header: RecordingHeader) => void

/** The tap of one recording. */
export class SessionTap {
  readonly #tell: EntryTap
  readonly #header: RecordingHeader
  readonly #clock: Clock

  constructor(tell: EntryTap, header: RecordingHeader, clock: Clock) {
    this.#tell = tell
    this.#header = header
    this.#clock = clock
  }

  opened(meta: CborMap): void {
    this.#safely(() => openedEvent(this.#stamp(0), decodeCborMap(encodeCbor(meta), 'an opening'), this.#header))
  }

  /** `seq`: the number of the frame that the entry will stand in. */
  entry(entry: Entry, seq: number, rules: BodyRules): void {
    this.#safely(() => {
      const { type, meta } = bodiesOf(entry, rules)
      return decodeEntry(type, this.#stamp(seq), { meta: decodeCborMap(encodeCbor(meta), 'an entry'), value: null })
    })
  }

  closed(reason: CloseReason, seq: number): void {
    this.#safely(() => ({ ...this.#stamp(seq), kind: 'closed', reason }))
  }

  /** Nobody who listens may stop a session. */
  #safely(made: () => RecordedEvent): void {
    try {
      this.#tell(made(), this.#header)
    } catch {
      // What the recording says doesn't depend on it.
    }
  }

  #stamp(seq: number): EventStamp {
    return { seq, at: this.#clock.now(), monotonic: this.#clock.monotonic() }
  }
}
