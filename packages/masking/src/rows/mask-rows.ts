import type { RowPlan } from './row-plan.ts'

/** A row with every value that it had, or null in its place. */
export type MaskedRow<Row> = { readonly [Column in keyof Row]: Row[Column] | null }

/**
 * Masks rows that are there, or rows as they come. The rows given are left as they were.
 *
 * This is masking on the side of the result: what was asked is not looked at. A condition, an order or a count on a masked
 * column tells of its values, and an expression or an alias brings them under another name. Where you can have the SQL
 * rewritten, do; where you can't, hide every column that the plan doesn't know (`others: 'null'`, `unknownOrigin: 'null'`).
 *
 * Throws `BAD_ROW` for what is no row of the plan's kind.
 *
 * @example
 * ```ts
 * const shown = maskRows(await db.selectFrom('person').selectAll().execute(), plan)
 *
 * // A Node stream of objects: an async generator is a step of a pipeline.
 * await pipeline(client.query(new QueryStream('select * from person')), rows => maskRows(rows, plan), sink)
 * ```
 */
export function maskRows<Row extends object>(rows: readonly Row[], plan: RowPlan): MaskedRow<Row>[]
export function maskRows<Row extends object>(rows: AsyncIterable<Row>, plan: RowPlan): AsyncGenerator<MaskedRow<Row>>
export function maskRows<Row extends object>(
  rows: readonly Row[] | AsyncIterable<Row>,
  plan: RowPlan,
): MaskedRow<Row>[] | AsyncGenerator<MaskedRow<Row>> {
  return isList(rows) ? rows.map(row => masked(row, plan)) : maskedAsTheyCome(rows, plan)
}

const isList = <Row>(rows: readonly Row[] | AsyncIterable<Row>): rows is readonly Row[] => Array.isArray(rows)

async function* maskedAsTheyCome<Row extends object>(
  rows: AsyncIterable<Row>,
  plan: RowPlan,
): AsyncGenerator<MaskedRow<Row>> {
  for await (const row of rows) yield masked(row, plan)
}

// A plan gives the columns that it was given, each with its value or another of its kind.
const masked = <Row extends object>(row: Row, plan: RowPlan): MaskedRow<Row> => plan.maskRow(row) as MaskedRow<Row>
