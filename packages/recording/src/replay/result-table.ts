import type { RecordedColumn } from '@querywarden/policy-core'
import { cellText, isNumeric } from './cell-text.ts'
import { type Line, line, type Span, span } from './line.ts'
import { clipped, visible, widthOf } from './visible.ts'

/** A column narrower than this says nothing: rather one line a value. */
const COLUMN_MIN = 8
/** The widest that a column is shown where the terminal has no end: a line in a file should stay one that can be read. */
const COLUMN_MAX = 200
const SEPARATOR = ' │ '

interface Cell {
  readonly text: string
  readonly isNull: boolean
}

/** Rows as a table that fits, or one value a line where no table does. */
export function resultTable(
  columns: readonly RecordedColumn[] | null,
  rows: readonly (readonly (Uint8Array | null)[])[],
  width: number | null,
): readonly Line[] {
  const types =
    columns ?? (rows[0] ?? []).map((_, at) => ({ name: `column ${at + 1}`, typeOid: 0, format: 'text' as const }))
  const head = types.map(({ name }) => visible(name))
  const cells = rows.map(row => row.map((cell, at) => cellOf(cell, types[at] ?? UNKNOWN)))
  const natural = head.map((name, at) => Math.max(widthOf(name), ...cells.map(row => widthOf(row[at]?.text ?? ''))))
  const widths = fitted(natural, width === null ? null : width - SEPARATOR.length * (head.length - 1))
  if (widths === null) return cells.flatMap((row, at) => record(head, row, at))
  const right = types.map(isNumeric)
  return [
    line(joined(head.map((name, at) => span(padded(name, widths[at] ?? 0, right[at] ?? false), 'strong')))),
    line([span(widths.map(one => '─'.repeat(one)).join('─┼─'), 'quiet')]),
    ...cells.map(row =>
      line(
        joined(
          row.map(({ text, isNull }, at) =>
            span(padded(text, widths[at] ?? 0, right[at] ?? false), isNull ? 'quiet' : null),
          ),
        ),
      ),
    ),
  ]
}

const UNKNOWN = { typeOid: 0, format: 'text' } as const

/** NULL, and a text that looks like it, must not look alike. */
function cellOf(cell: Uint8Array | null, type: Pick<RecordedColumn, 'typeOid' | 'format'>): Cell {
  if (cell === null) return { text: 'NULL', isNull: true }
  const text = visible(cellText(cell, type))
  return { text: text === 'NULL' ? '"NULL"' : text, isNull: false }
}

/** Shrinks the widest columns until all fit; null where one would get too narrow. */
function fitted(natural: readonly number[], available: number | null): readonly number[] | null {
  const capped = (most: number): readonly number[] => natural.map(width => Math.min(width, most))
  if (available === null) return capped(COLUMN_MAX)
  const sum = (widths: readonly number[]): number => widths.reduce((total, width) => total + width, 0)
  if (sum(natural) <= available) return natural
  let most = Math.max(...natural)
  while (most >= COLUMN_MIN && sum(capped(most)) > available) most--
  return most < COLUMN_MIN ? null : capped(most)
}

function padded(text: string, width: number, isRight: boolean): string {
  const shown = clipped(text, width)
  const blanks = ' '.repeat(Math.max(width - widthOf(shown), 0))
  return isRight ? blanks + shown : shown + blanks
}

const joined = (cells: readonly Span[]): readonly Span[] =>
  cells.flatMap((cell, at) => (at === 0 ? [cell] : [span(SEPARATOR, 'quiet'), cell]))

function record(head: readonly string[], row: readonly Cell[], at: number): readonly Line[] {
  const width = Math.max(...head.map(widthOf))
  return [
    line([span(`─ row ${at + 1} ─`, 'quiet')]),
    ...row.map(({ text, isNull }, column) => {
      const name = head[column] ?? ''
      return line(
        [
          span(name + ' '.repeat(width - widthOf(name)), 'strong'),
          span(SEPARATOR, 'quiet'),
          span(text, isNull ? 'quiet' : null),
        ],
        ' '.repeat(width) + SEPARATOR,
      )
    }),
  ]
}
