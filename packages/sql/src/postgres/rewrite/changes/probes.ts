import {
  type Comparison,
  type MaskedColumn,
  type MaskedRelation,
  type RelationName,
  relationKey,
} from '@querywarden/policy-core'
import {
  flagAt,
  type Node,
  nodeAt,
  nodesAt,
  numberAt,
  type TypedNode,
  textAt,
  typedAt,
  typedNodesAt,
} from '../../node.ts'
import { type Impossible, impossible } from '../impossible.ts'
import { nodesIn } from '../walk-tree.ts'
import type { ChangesInput } from './plan-targets.ts'

/**
 * Why a statement would tell whether a value is there: it assigns to a column by which the server compares rows with others,
 * or checks a row, and a masked one is looked at along with it, so that whether that succeeds is an answer. A column under `equality` may be
 * assigned to where its values can be counted.
 */
export function whyProbing(input: ChangesInput): Impossible | null {
  const masked = new Map(input.masks.map(each => [relationKey(each.relation), each]))
  const targets = input.facts.columns.filter(({ role }) => role === 'target')
  if (!targets.some(use => masked.has(relationKey(use)))) return null
  const defaults = defaultsIn(input.statement)
  const inserts = insertsIn(input.statement)
  const assigned = targets.filter(({ place }) => !defaults.has(place.start))
  const names = new Set(assigned.map(use => columnKey(use, use.column)))
  const changed = new Set(assigned.filter(use => !inserts.has(use.place.start)).map(use => columnKey(use, use.column)))
  for (const use of assigned) {
    const relation = masked.get(relationKey(use))
    if (relation === undefined) continue
    const isLeftOut = (column: string): boolean =>
      inserts.has(use.place.start) && !names.has(columnKey(use, column)) && !names.has(columnKey(use, '*'))
    const isNew = (column: string): boolean => inserts.has(use.place.start) || changed.has(columnKey(use, column))
    const probed = probedBy(use.column, relation, comparisonsOn(input, relation), { isLeftOut, isNew })
    if (probed === undefined) continue
    const { name } = probed.column
    return impossible(
      name === use.column
        ? `the server compares what is assigned to the masked column \`${name}\` with the values of other rows, and whether it succeeds would tell if a value is there`
        : `the server looks at \`${use.column}\` and the masked column \`${name}\` together, and whether an assignment succeeds would tell if a value is there`,
      'leave the column out, or have it done by a principal who sees the masked column unmasked',
      use.place,
    )
  }
  return null
}

const columnKey = (relation: RelationName, column: string): string => JSON.stringify([relationKey(relation), column])

/** The masked column that an assignment has compared with other rows. */
function probedBy(
  assigned: string,
  relation: MaskedRelation,
  comparisons: readonly Comparison[],
  { isLeftOut, isNew }: Record<'isLeftOut' | 'isNew', (column: string) => boolean>,
): MaskedColumn | undefined {
  const own = relation.columns.filter(({ predicates }) => predicates !== 'equality')
  for (const { kind, columns, optional } of comparisons) {
    if (assigned !== '*' && !columns.has(assigned)) continue
    if ([...optional].some(isLeftOut)) continue
    // A CHECK of nothing but what the statement itself brings tells of nothing else.
    const masked = own.filter(({ column }) => columns.has(column.name) && !(kind === 'check' && isNew(column.name)))
    const probed = masked.find(({ column }) => column.name === assigned) ?? masked[0]
    if (probed !== undefined) return probed
  }
  return undefined
}

/** Of a relation whose constraints aren't known, rows may be compared by all columns together. */
function comparisonsOn({ catalog }: ChangesInput, { relation }: MaskedRelation): readonly Comparison[] {
  const key = relationKey(relation)
  const known = catalog.relations.get(key)?.comparisons
  if (known === undefined)
    return [{ kind: 'rows', columns: new Set(relation.columns.map(({ name }) => name)), optional: new Set<string>() }]
  return known.map(({ kind, columns, optional }) => {
    const read = new Set(columns)
    // What a column is computed from is compared with it.
    for (const { name, origins } of relation.columns)
      if (columns.has(name)) for (const origin of origins) if (relationKey(origin) === key) read.add(origin.column)
    return { kind, columns: read, optional }
  })
}

/** The bytes that what INSERT, COPY or MERGE puts into new rows is found at: columns, or the relation. */
function insertsIn(root: TypedNode): ReadonlySet<number> {
  const places = new Set<number>()
  for (const { type, body } of nodesIn(root)) {
    if (type === 'InsertStmt' || type === 'CopyStmt') places.add(numberAt(nodeAt(body, 'relation') ?? {}, 'location'))
    const isInsert = type === 'MergeWhenClause' && textAt(body, 'commandType') === 'CMD_INSERT'
    const columns = type === 'InsertStmt' ? 'cols' : isInsert ? 'targetList' : null
    for (const column of columns === null ? [] : typedNodesAt(body, columns))
      places.add(numberAt(column.body, 'location'))
  }
  return places
}

/**
 * Where only defaults are assigned, by the bytes that the assignments are found at: `SET c = DEFAULT`, `INSERT … DEFAULT
 * VALUES`, and columns for which all rows of VALUES say DEFAULT. What a default is, no client picks.
 */
function defaultsIn(root: TypedNode): ReadonlySet<number> {
  const places = new Set<number>()
  for (const { type, body } of nodesIn(root)) {
    if (type === 'InsertStmt') noteInsert(body, places)
    if (type === 'ResTarget' && typedAt(body, 'val')?.type === 'SetToDefault') places.add(numberAt(body, 'location'))
  }
  return places
}

function noteInsert(insert: Node, places: Set<number>): void {
  const columns = typedNodesAt(insert, 'cols')
  const source = typedAt(insert, 'selectStmt')
  if (source === null) places.add(numberAt(nodeAt(insert, 'relation') ?? {}, 'location'))
  const rows = valuesOf(source)
  if (rows.length === 0) return
  for (const [index, { body }] of columns.entries())
    if (rows.every(row => row[index]?.type === 'SetToDefault')) places.add(numberAt(body, 'location'))
}

/** The rows of a plain VALUES list. */
export const valuesOf = (source: TypedNode | null): readonly (readonly TypedNode[])[] =>
  source?.type === 'SelectStmt' && textAt(source.body, 'op') === 'SETOP_NONE' && !flagAt(source.body, 'all')
    ? nodesAt(source.body, 'valuesLists').map(row => typedNodesAt(nodeAt(row, 'List') ?? {}, 'items'))
    : []
