import type { ColumnMention } from '@querywarden/policy-core'

/** What the row that is written is called. */
export const WRITTEN_ROW: ReadonlySet<string> = new Set(['new', 'old'])

/** The columns that code for a written row mentions of it; `*` for the whole row. `rows` are the names that the row goes by. */
export const rowNames = (
  mentions: readonly ColumnMention[],
  rows: ReadonlySet<string> = WRITTEN_ROW,
): readonly string[] =>
  mentions.flatMap(({ name, qualifier }) => {
    if (rows.has(qualifier.at(-1) ?? '')) return [name]
    // Also behind the name of a block: `trigger_function.new`.
    return rows.has(name) ? ['*'] : []
  })
