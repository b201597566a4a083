import type { Catalog } from '@querywarden/policy-core'
import type { Entry, Item } from '../../names/scope.ts'
import { flagAt, type Node, nameParts, nodeAt, stringOf, type TypedNode, typedAt, typedNodesAt } from '../../node.ts'
import type { Sightings } from '../changes/sightings.ts'
import { quoteName } from '../quote.ts'
import { childrenOf, type Standing } from '../walk-tree.ts'
import { type KeyedItems, keyedColumn, seenAt } from './columns.ts'

/** What a SELECT shows or compares of a keyed relation once its rows are grouped. */
export interface Needed {
  readonly item: Item
  /** The relation's own name of the column; null for the whole row. */
  readonly column: string | null
  readonly text: string
  /** The ColumnRef that the text is, with its type. */
  readonly node: Node
  readonly location: number
}

interface Search {
  readonly catalog: Catalog
  readonly sightings: Sightings
  readonly keyed: KeyedItems
  readonly found: Map<string, Needed>
}

/** Clauses that are evaluated for a group. What is in FROM and WHERE is evaluated for each row. */
const OF_GROUPS: ReadonlySet<string> = new Set(
  ['targetList', 'havingClause', 'sortClause', 'distinctClause', 'windowClause'].map(field => `SelectStmt.${field}`),
)

/** The columns that stand in clauses of groups, those in aggregates left out. More than these do no harm. */
export function neededColumns(
  select: Node,
  catalog: Catalog,
  sightings: Sightings,
  keyed: KeyedItems,
): readonly Needed[] {
  const search: Search = { catalog, sightings, keyed, found: new Map() }
  for (const child of childrenOf({ type: 'SelectStmt', body: select }) ?? [])
    if (OF_GROUPS.has(child.at)) visit(search, child, false)
  return [...search.found.values()]
}

/** `isInside`: in a query of its own, whose aggregates are of its own rows. */
function visit(search: Search, node: Standing, isInside: boolean): void {
  const { type, body } = node
  // The arguments of GROUPING must stand in GROUP BY themselves.
  if (type === 'GroupingFunc' || (!isInside && isAggregate(search.catalog, node))) return
  if (type === 'ColumnRef') noteReference(search, node)
  else if (type === 'A_Indirection') notePart(search, body)
  for (const child of childrenOf(node) ?? []) visit(search, child, isInside || type === 'SelectStmt')
}

function noteReference(search: Search, { at, body }: Standing): void {
  // A star in a list is its columns; elsewhere `t.*` is the row, as `t` is.
  const isList = at === 'ResTarget.val' || at === 'RowExpr.args'
  const isStar = typedNodesAt(body, 'fields').some(({ type }) => type === 'A_Star')
  for (const seen of seenAt(body, search.sightings, search.keyed)) {
    if (seen.kind === 'column') note(search, seen.entry, seen.field, body)
    else if (seen.kind === 'star') for (const entry of seen.entries) noteFields(search, entry, body)
    else if (seen.kind === 'row') {
      if ((isStar && isList) || !search.keyed.has(seen.entry.item)) noteFields(search, seen.entry, body)
      else noteRow(search, seen.entry, body)
    }
  }
}

/** `(t).column` is that column, and `(t).*` all of them. */
function notePart(search: Search, indirection: Node): void {
  const row = typedAt(indirection, 'arg')
  if (row?.type !== 'ColumnRef') return
  const [step] = typedNodesAt(indirection, 'indirection')
  const name = stringOf(step ?? null)
  for (const seen of seenAt(row.body, search.sightings, search.keyed)) {
    if (seen.kind !== 'row') continue
    for (const field of seen.entry.item.fields)
      if (step?.type === 'A_Star' || field.name === name) note(search, seen.entry, field, row.body)
  }
}

function noteFields(search: Search, entry: Entry, reference: Node): void {
  for (const field of entry.item.fields) note(search, entry, field, reference)
}

function note(search: Search, entry: Entry, field: Item['fields'][number], reference: Node): void {
  const column = keyedColumn(entry, field, search.keyed)
  const range = column === null ? undefined : search.keyed.get(column.item)
  if (column === null || range === undefined) return
  // What a join shows has no name of its own where the join has none.
  const own = range.entry.item.fields.find(each => each.column?.column === column.column)
  const names = entry.name === '' ? [range.entry.name, own?.name ?? ''] : [entry.name, field.name]
  add(search, { ...column, ...written(names, []) }, reference)
}

function noteRow(search: Search, { item, name }: Entry, reference: Node): void {
  add(search, { item, column: null, ...written([name], [{ A_Star: {} }]) }, reference)
}

function add({ found }: Search, needed: Omit<Needed, 'location'>, { location }: Node): void {
  if (!found.has(needed.text))
    found.set(needed.text, { ...needed, location: typeof location === 'number' ? location : 0 })
}

const written = (names: readonly string[], star: readonly Node[]): Pick<Needed, 'text' | 'node'> => ({
  text: [...names.map(quoteName), ...star.map(() => '*')].join('.'),
  node: { ColumnRef: { fields: [...names.map(name => ({ String: { sval: name } })), ...star] } },
})

/** A call that surely makes one value of a group's rows. Direct arguments of ordered-set aggregates are of the group. */
function isAggregate(catalog: Catalog, { type, body }: TypedNode): boolean {
  if (type === 'JsonObjectAgg' || type === 'JsonArrayAgg')
    return nodeAt(nodeAt(body, 'constructor') ?? {}, 'over') === null
  if (type !== 'FuncCall' || nodeAt(body, 'over') !== null || flagAt(body, 'agg_within_group')) return false
  const name = nameParts(body, 'funcname').at(-1) ?? ''
  const own = catalog.userFunctions.get(name) ?? []
  return own.every(({ kind }) => kind === 'aggregate') && (own.length > 0 || AGGREGATES.has(name))
}

/** Built-in aggregates (manual, 9.21) that no plain function shares its name with. */
const AGGREGATES: ReadonlySet<string> = new Set([
  ...['any_value', 'array_agg', 'avg', 'bit_and', 'bit_or', 'bit_xor', 'bool_and', 'bool_or', 'corr', 'count'],
  ...['covar_pop', 'covar_samp', 'every', 'json_agg', 'json_object_agg', 'jsonb_agg', 'jsonb_object_agg', 'max', 'min'],
  ...['range_agg', 'range_intersect_agg', 'stddev', 'stddev_pop', 'stddev_samp', 'string_agg', 'sum', 'variance'],
  ...['var_pop', 'var_samp', 'xmlagg'],
])
