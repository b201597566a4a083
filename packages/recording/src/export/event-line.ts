import type { RecordedEvent } from '../format/event.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import { isoTime } from '../replay/clock-text.ts'
import { eventJson, type JsonObject } from './event-json.ts'
import { type OcsfMapper, ocsfMapper } from './ocsf.ts'

/** In what form events leave: as they are recorded, or as OCSF Datastore Activity. */
export type ExportFormat = 'jsonl' | 'ocsf'

/** Makes the lines of one recording, event by event. */
export interface EventLines {
  /** What an event is in this form: nothing, one object, or more. */
  readonly of: (event: RecordedEvent, header: RecordingHeader) => readonly JsonObject[]
  /** What is left to be told when there are no more events. */
  readonly end: () => readonly JsonObject[]
}

/**
 * Lines of JSON for a log or a SIEM, one object each.
 *
 * @example
 * const lines = eventLines('ocsf')
 * for (const object of lines.of(event, header)) console.log(JSON.stringify(object))
 */
export function eventLines(format: ExportFormat): EventLines {
  if (format === 'jsonl') return { of: (event, header) => [plainLine(event, header)], end: () => [] }
  let mapper: OcsfMapper | null = null
  return {
    of: (event, header) => {
      mapper ??= ocsfMapper(header)
      return mapper.push(event)
    },
    end: () => mapper?.end() ?? [],
  }
}

const plainLine = (event: RecordedEvent, header: RecordingHeader): JsonObject => ({
  recording: header.recording,
  session: header.session,
  time: event.kind === 'broken-off' ? null : isoTime(event.at),
  ...eventJson(event),
})
