import type { RecordedEvent, RowsEvent } from '../format/event.ts'

/** A row that is larger can't be given whole: readers hold what they read. */
const ROW_BYTES_MAX = 67_108_864

/**
 * Joins the events of one row that was too large for its writer to be held: it stands there in parts, of which only the last
 * counts a row. One that never came to its end is given as far as it came, and so is one of which only digests were kept.
 */
export async function* withWholeRows(
  events: AsyncIterable<RecordedEvent>,
): AsyncGenerator<RecordedEvent, void, undefined> {
  let parts: RowsEvent[] = []
  const joined = function* (): Generator<RowsEvent, void, undefined> {
    const [first] = parts
    if (first !== undefined) yield joinedRow(first, parts)
    parts = []
  }
  for await (const event of events) {
    if (event.kind === 'cancel-requested' || event.kind === 'incident') {
      // Both can come while a row does.
      yield event
    } else if (event.kind !== 'rows' || event.kept !== 'frames') {
      yield* joined()
      yield event
    } else if (parts.length > 0 || (event.rows === 0 && event.bytes > 0)) {
      parts.push(event)
      if (event.rows > 0) yield* joined()
    } else {
      yield event
    }
  }
  yield* joined()
}

function joinedRow(first: RowsEvent, parts: readonly RowsEvent[]): RowsEvent {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  if (bytes > ROW_BYTES_MAX) return { ...first, rows, bytes, kept: 'too-large', frames: null }
  const frames = parts.flatMap(part => (part.frames === null ? [] : [part.frames]))
  return { ...first, rows, bytes, frames: frames.length === parts.length ? Buffer.concat(frames) : null }
}
