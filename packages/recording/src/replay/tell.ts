import type { Dialect, RecordedColumn } from '@querywarden/policy-core'
import type { IntentEvent, RecordedEvent, RowsEvent } from '../format/event.ts'
import { dayAndTime, TIME_COLUMNS } from './clock-text.ts'
import { linesOf, openedLines } from './event-lines.ts'
import { type Line, line, shown, span } from './line.ts'
import { type Look, plainLook } from './look.ts'
import { resultLines, rowsLine } from './result-lines.ts'
import { visible } from './visible.ts'

export interface ReplayOptions {
  /** The terminal's width; null for a pipe or a file, where lines are as long as they are. */
  readonly columns: number | null
  readonly look: Look
  /** Whether recorded rows are shown, or but counted. */
  readonly rows: boolean
  /** Said below the opening, such as that the values were destroyed, by whom and why. */
  readonly remarks: readonly string[]
}

/** What is told at one moment of a session. */
export interface ReplayMoment {
  /** Milliseconds from an arbitrary origin; null where the account breaks off. */
  readonly monotonic: number | null
  /** Whether a statement begins here. */
  readonly isStatement: boolean
  readonly lines: readonly string[]
}

export const PLAIN_REPLAY: ReplayOptions = { columns: null, look: plainLook, rows: true, remarks: [] }

/** Rows are gathered into one table up to so many, so that a large result doesn't have to fit in memory. */
const TABLE_ROWS_MAX = 1_000
const TABLE_BYTES_MAX = 1_048_576
const MARGIN = TIME_COLUMNS + 2

/**
 * Tells a recording moment by moment, as lines for a terminal. Whatever in recorded texts could drive that terminal is made
 * visible.
 *
 * @throws what reading the events throws.
 * @example
 * for await (const { lines } of tellRecording(readRecording(file, { kek }), PLAIN_REPLAY)) console.log(lines.join('\n'))
 */
export async function* tellRecording(
  events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>,
  options: ReplayOptions,
): AsyncGenerator<ReplayMoment, void, undefined> {
  const teller = new Teller(options)
  let rows: RowsEvent[] = []
  for await (const event of events) {
    if (event.kind === 'rows') {
      if (rows.length > 0 && !belongs(event, rows)) {
        yield teller.rows(rows)
        rows = []
      }
      rows.push(event)
      continue
    }
    if (rows.length > 0) yield teller.rows(rows)
    rows = []
    yield teller.event(event)
  }
  if (rows.length > 0) yield teller.rows(rows)
}

function belongs(event: RowsEvent, rows: readonly RowsEvent[]): boolean {
  const [first] = rows
  // `columns` begins another result: a portal may be run in pieces, and a simple query can have several.
  return (
    first?.statement === event.statement &&
    event.columns === null &&
    rows.reduce((sum, one) => sum + one.rows, event.rows) <= TABLE_ROWS_MAX &&
    rows.reduce((sum, one) => sum + one.bytes, event.bytes) <= TABLE_BYTES_MAX
  )
}

/** Tells events one after the other: it keeps in mind which day it is, and what columns a statement's rows have. */
class Teller {
  readonly #options: ReplayOptions
  readonly #columns = new Map<number, readonly RecordedColumn[]>()
  #dialect: Dialect = 'postgres'
  #day = ''
  #limits = ''

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  event(event: Exclude<RecordedEvent, { kind: 'rows' }>): ReplayMoment {
    if (event.kind === 'broken-off') return this.#moment(null, linesOf(event, this.#dialect))
    if (event.kind === 'completion') this.#columns.delete(event.statement)
    const isStatement = event.kind === 'refused'
    if (event.kind === 'intent') return this.#moment(event, linesOf(this.#withNewLimits(event), this.#dialect), true)
    if (event.kind !== 'opened') return this.#moment(event, linesOf(event, this.#dialect), isStatement)
    this.#dialect = event.header.target.dialect === 'mysql' ? 'mysql' : 'postgres'
    const remarks = this.#options.remarks.map(remark => line([span(visible(remark), 'caution')]))
    return this.#moment(event, [...openedLines(event), ...remarks])
  }

  /** Most statements of a session have the same limits: they are told where they change. */
  #withNewLimits(event: IntentEvent): IntentEvent {
    const limits = JSON.stringify(event.limits)
    if (limits === this.#limits) return { ...event, limits: { rowsMax: null, bytesMax: null, timeMsMax: null } }
    this.#limits = limits
    return event
  }

  rows(events: readonly RowsEvent[]): ReplayMoment {
    const [first] = events
    if (first === undefined) return this.#moment(null, [])
    if (first.columns !== null) this.#columns.set(first.statement, first.columns)
    const width = this.#options.columns === null ? null : this.#options.columns - MARGIN
    const columns = this.#columns.get(first.statement) ?? null
    const table = this.#options.rows ? resultLines(events, columns, width) : []
    return this.#moment(first, [rowsLine(events), ...table])
  }

  #moment(
    at: { readonly at: number; readonly monotonic: number } | null,
    told: readonly Line[],
    isStatement = false,
  ): ReplayMoment {
    const { columns, look } = this.#options
    const { day, time } = at === null ? { day: this.#day, time: '' } : dayAndTime(at.at)
    const width = columns === null ? null : Math.max(columns - MARGIN, 20)
    const body = told.flatMap(one => shown(one, width, look))
    const lines = body.map((text, index) =>
      index === 0 ? `${look('quiet', time.padEnd(TIME_COLUMNS))}  ${text}` : `${' '.repeat(MARGIN)}${text}`,
    )
    const isNewDay = day !== this.#day
    this.#day = day
    return {
      monotonic: at === null ? null : at.monotonic,
      isStatement,
      lines: isNewDay ? [look('quiet', `── ${day} UTC ──`), ...lines] : lines,
    }
  }
}

/**
 * Tells a recording as plain text.
 *
 * @throws what reading the events throws.
 * @example
 * process.stdout.write(await renderReplay(readRecording(file, { kek })))
 */
export async function renderReplay(events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>): Promise<string> {
  const lines: string[] = []
  for await (const moment of tellRecording(events, PLAIN_REPLAY)) lines.push(...moment.lines)
  return lines.map(text => `${text}\n`).join('')
}
