import type { ColumnMention, Place } from '@querywarden/policy-core'
import { type Context, type RangeEntry, useFunction } from './context.ts'
import { useFieldLike } from './expressions.ts'
import { isJsonMaker, useJsonCasts } from './json-casts.ts'
import { findRoutines, runRoutines } from './routines/find-routines.ts'
import { SYSTEM_COLUMNS } from './routines/findings.ts'
import { valueColumn } from './system-relations.ts'

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
    // `p.concat` is concat(p): the whole row, whatever else has a column of the name.
    if (entries.some(entry => entry.kind === 'relation' && mayBeCall(entry, name)))
      context.mentions.push({ name: '*', qualifier: parts.slice(0, -1), place })
    if (isJsonMaker(name)) useJsonCasts(context, place)
    // A variable of PL/pgSQL has fields and nothing else (resolve_column_ref in pl_comp.c).
    if (entries.length === 0 && context.variables.has(parts.at(-2) ?? '')) continue
    if (context.catalog.userRowFunctions.has(name)) useRowFunction(context, name, place)
    // What is nothing in FROM may be a parameter of an SQL function: any value, for any function of one argument.
    else if (entries.length === 0 || entries.some(entry => entry.kind === 'function'))
      useFieldLike(context, name, place)
  }
}

/** System columns are columns, and of every relation. */
const mayBeCall = ({ columns }: RangeEntry, name: string): boolean =>
  columns !== null && !columns.has(name) && !SYSTEM_COLUMNS.has(name)

/**
 * `ssn(t)` is the column ssn of t where no function is named so (ParseFuncOrColumn in parse_func.c). Such a call comes here
 * only if neither the server's lists nor the catalog have one.
 */
export function useColumnCalls(context: Context): void {
  for (const { call, range, why } of context.columnCalls) {
    const entries = context.ranges.get(range) ?? []
    const isColumn =
      entries.length > 0 && entries.every(({ kind, columns }) => kind !== 'function' && columns?.has(call.name))
    if (isColumn) context.calls.splice(context.calls.indexOf(call), 1)
    else useFunction(context, 'unknown', call.name, why, call.place)
  }
}

function useRowFunction(context: Context, name: string, place: Place): void {
  context.calls.push({ name, class: 'unknown', place })
  const found = findRoutines(context.catalog, [name], 1)
  // An extension's function that only computes is no routine of the catalog, and need not be what is meant.
  if (found.kind === 'found') runRoutines(context, found.routines, place)
  else useFunction(context, 'unknown', name, 'may be a function of this database, written like a column', place)
}

/** A bare name that stands for something in FROM is its whole row, so every column of it is mentioned. */
export function useWholeRows(context: Context): void {
  const whole = context.mentions.filter(({ name }) => name !== '*' && context.ranges.has(name))
  for (const { name, qualifier, place } of whole)
    context.mentions.push({ name: '*', qualifier: [...qualifier, name], place })
}

/**
 * A few system relations describe the schema but for one column, which holds values. Reading that column, or all of
 * them, is as unknown as reading statistics.
 */
export function useValueColumns(context: Context): void {
  for (const use of [...context.uses]) {
    const column = use.kind === 'relation' && use.relation.kind === 'catalog' ? valueColumn(use.relation) : null
    if (column === null) continue
    const mention = context.mentions.find(each =>
      each.name === '*' ? mayShow(context, each, column) : each.name === column,
    )
    if (mention !== undefined)
      context.uses.push({
        kind: 'statement',
        effect: 'unknown',
        why: `\`${column}\`, which may be read here, holds values`,
        place: mention.place,
      })
  }
}

/** Whether a star may be all columns of a relation that has this one. */
function mayShow(context: Context, { qualifier, place }: ColumnMention, column: string | null): boolean {
  const [name] = qualifier.slice(-1)
  const names = name === undefined ? context.selectStars.get(place.start) : [name]
  if (names === undefined) return true
  const entries = names.flatMap(each => context.ranges.get(each) ?? [])
  return entries.some(entry => entry.kind === 'relation' && entry.values === column)
}
