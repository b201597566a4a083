import type { ColumnMention } from '@querywarden/policy-core'

/** The columns that code for a written row mentions of it, as NEW or OLD; `*` for the whole row. */
export const rowNames = (mentions: readonly ColumnMention[]): readonly string[] =>
  mentions.flatMap(({ name, qualifier }) => {
    const [table] = qualifier.slice(-1)
    if (table === 'new' || table === 'old') return [name]
    return qualifier.length === 0 && (name === 'new' || name === 'old') ? ['*'] : []
  })
