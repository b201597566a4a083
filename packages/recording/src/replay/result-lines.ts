import type { RecordedColumn } from '@querywarden/policy-core'
import type { RowsEvent } from '../format/event.ts'
import { type Line, line, span } from './line.ts'
import { type ResultPart, resultParts } from './result-frames.ts'
import { resultTable } from './result-table.ts'
import { visible, visibleLines } from './visible.ts'

/** COPY's binary format begins with this (PostgreSQL manual, COPY, binary format). */
const BINARY_COPY = Buffer.from('PGCOPY\n', 'latin1')

/** Rows that came one after the other, as a table. `columns`: of their result, told with its first rows. */
export function resultLines(
  events: readonly RowsEvent[],
  columns: readonly RecordedColumn[] | null,
  width: number | null,
): readonly Line[] {
  const [first] = events
  if (first === undefined) return []
  const read = events.map(event => (event.frames === null ? null : resultParts(event.frames)))
  const parts = read.flatMap(one => one?.parts ?? [])
  const rows = parts.flatMap(part => (part.kind === 'row' ? [part.cells] : []))
  const unread = events.filter(({ frames }) => frames === null)
  const unreadRows = unread.reduce((sum, event) => sum + event.rows, 0)
  const rest = read.reduce((sum, one) => sum + (one?.rest ?? 0), 0)
  return [
    ...(rows.length === 0 ? [] : resultTable(columns, rows, width)),
    ...copyLines(parts),
    ...(unread[0] === undefined ? [] : [unreadLine(unread[0], unreadRows)]),
    ...(rest === 0 ? [] : [line([span(`${rest} bytes that are no row`, 'bad')])]),
  ]
}

/** Rows that are not told one by one, in a line. */
export const rowsLine = (events: readonly RowsEvent[]): Line => {
  const [first] = events
  const [rows, bytes] = [sum(events, 'rows'), sum(events, 'bytes')]
  return line([
    span(`#${first?.statement ?? 0} `, 'strong'),
    span(`received ${rows} rows from row ${first?.first ?? 0} on, ${bytes} bytes`),
  ])
}

const sum = (events: readonly RowsEvent[], what: 'rows' | 'bytes'): number =>
  events.reduce((total, event) => total + event[what], 0)

function unreadLine({ first, kept, hmac }: RowsEvent, rows: number): Line {
  const why =
    kept === 'digest'
      ? `but a digest of them is recorded${hmac === null ? '' : ` (${hmac.slice(0, 16)}…)`}`
      : kept === 'secret'
        ? 'a secret of a statement may be among them'
        : kept === 'too-large'
          ? 'one of them was too large to be recorded'
          : 'their key is gone'
  return line([span(`${rows} rows from row ${first} on are not shown: ${why}`, 'quiet')])
}

function copyLines(parts: readonly ResultPart[]): readonly Line[] {
  const data = Buffer.concat(parts.flatMap(part => (part.kind === 'copy' ? [part.data] : [])))
  if (data.length === 0) return []
  if (data.includes(0) || data.subarray(0, BINARY_COPY.length).equals(BINARY_COPY)) {
    return [line([span(`${data.length} bytes of COPY data in binary format`, 'quiet')])]
  }
  return visibleLines(data.toString('utf8').replace(/\r?\n$/, '')).map(text =>
    line([span(BAR, 'quiet'), span(visible(text))], BAR),
  )
}

const BAR = '│ '
