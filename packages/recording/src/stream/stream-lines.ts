import type { JsonObject } from '../export/event-json.ts'
import { type EventLines, type ExportFormat, eventLines } from '../export/event-line.ts'
import { OCSF_VERSION } from '../export/ocsf.ts'
import type { RecordedEvent } from '../format/event.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import { isoTime } from '../replay/clock-text.ts'
import type { SyslogEvent, SyslogSeverity } from './syslog.ts'

/** A longer line is told without what makes it long: many servers cut or refuse it. */
const LINE_CHARS_MAX = 65_536
/** Sessions whose statements wait for an outcome; beyond, the one that began first is forgotten. */
const SESSIONS_MAX = 20_000

/** Makes lines of the events of all sessions at once. */
export function streamLines(
  format: ExportFormat,
): (event: RecordedEvent, header: RecordingHeader) => readonly SyslogEvent[] {
  const sessions = new Map<string, EventLines>()
  return (event, header) => {
    const lines = sessions.get(header.recording) ?? eventLines(format)
    const objects = [...lines.of(event, header), ...(event.kind === 'closed' ? lines.end() : [])]
    if (event.kind === 'closed') sessions.delete(header.recording)
    else sessions.set(header.recording, lines)
    const oldest = sessions.size > SESSIONS_MAX ? sessions.keys().next().value : undefined
    if (oldest !== undefined) sessions.delete(oldest)
    const at = event.kind === 'broken-off' ? 0 : event.at
    return objects.map(object => ({
      at,
      severity: severityOf(event),
      kind: event.kind,
      line: lineOf(object, event, header),
    }))
  }
}

function lineOf(object: JsonObject, event: RecordedEvent, header: RecordingHeader): string {
  const line = JSON.stringify(object)
  if (line.length <= LINE_CHARS_MAX) return line
  const { recording, session } = header
  const statement = 'statement' in event ? event.statement : null
  return JSON.stringify({ recording, session, seq: event.seq, kind: event.kind, statement, truncated: line.length })
}

const severityOf = (event: RecordedEvent): SyslogSeverity =>
  event.kind === 'incident' ? 'critical' : event.kind === 'refused' ? 'warning' : 'informational'

/** Says in the stream that events are missing from it here. In OCSF: a Base Event. */
export function gapLine(format: ExportFormat, dropped: number, since: number, now: number): SyslogEvent {
  const message = `${dropped} events are missing here: they were not taken in time; the recordings have them`
  const gap: JsonObject =
    format === 'jsonl'
      ? { kind: 'gap', time: isoTime(now), since: isoTime(since), dropped, message }
      : {
          category_uid: 0,
          class_uid: 0,
          activity_id: 99,
          activity_name: 'Gap',
          type_uid: 99,
          time: Math.floor(now),
          start_time: Math.floor(since),
          severity_id: 3,
          count: dropped,
          message,
          metadata: { version: OCSF_VERSION, product: { name: 'Querywarden', vendor_name: 'Querywarden' } },
        }
  return { at: now, severity: 'warning', kind: 'gap', line: JSON.stringify(gap) }
}
