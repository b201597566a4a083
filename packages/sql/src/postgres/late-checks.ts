import { type Context, useFunction } from './context.ts'
import { useFieldLike } from './expressions.ts'

/**
 * `a.b` is the column b of a, or a call of b with a's row. Whether b is a column shows only once all of FROM is known.
 * A relation's row can only go to functions that take rows; a function in FROM may give a plain value, which can go to
 * any function: `f.lo_unlink FROM generate_series(1, 9) f`.
 */
export function useFieldLikes(context: Context): void {
  for (const { parts, place } of context.qualified) {
    const name = parts.at(-1) ?? ''
    const entries = context.ranges.get(parts.at(-2) ?? '') ?? []
    const isColumn = entries.length > 0 && entries.every(entry => entry.columns?.has(name) === true)
    if (isColumn) continue
    if (context.catalog.userRowFunctions.has(name))
      useFunction(context, 'unknown', name, 'may be a function of this database, written like a column', place)
    else if (entries.some(entry => entry.kind === 'function')) useFieldLike(context, name, place)
  }
}

/** A bare name that stands for something in FROM is its whole row, so every column of it is mentioned. */
export function useWholeRows(context: Context): void {
  const whole = context.mentions.filter(({ name }) => name !== '*' && context.ranges.has(name))
  for (const { name, qualifier, place } of whole)
    context.mentions.push({ name: '*', qualifier: [...qualifier, name], place })
}
