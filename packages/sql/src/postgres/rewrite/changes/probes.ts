import { type MaskedColumn, type MaskedRelation, relationKey } from '@querywarden/policy-core'
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
import { childrenOf } from '../walk-tree.ts'
import type { ChangesInput } from './plan-targets.ts'

/**
 * Why a statement would tell whether a value is there: it assigns to a masked column that the server compares with other
 * rows, and whether that succeeds is an answer. A column under `equality` may be assigned to where its values can be counted.
 */
export function whyProbing(input: ChangesInput): Impossible | null {
  const masked = new Map(input.masks.map(each => [relationKey(each.relation), each]))
  const defaults = defaultsIn(input.statement)
  for (const use of input.facts.columns) {
    const relation = use.role === 'target' ? masked.get(relationKey(use)) : undefined
    if (relation === undefined || defaults.has(use.place.start)) continue
    const probed = relation.columns.find(
      masked =>
        (use.column === '*' || masked.column.name === use.column) &&
        masked.predicates !== 'equality' &&
        isCompared(input, relation, masked),
    )
    if (probed === undefined) continue
    return impossible(
      `the server compares what is assigned to the masked column \`${probed.column.name}\` with the values of other rows, and whether it succeeds would tell if a value is there`,
      'leave the column out, or have it done by a principal who sees it unmasked',
      use.place,
    )
  }
  return null
}

/** Of a relation whose constraints aren't known, any column may be one of them. */
function isCompared({ catalog }: ChangesInput, { relation }: MaskedRelation, { column }: MaskedColumn): boolean {
  const key = relationKey(relation)
  const compared = catalog.relations.get(key)?.comparedColumns
  if (compared === undefined || compared.has(column.name)) return true
  // What is computed from it may be compared in its stead.
  return relation.columns.some(
    ({ name, origins }) =>
      compared.has(name) && origins.some(origin => origin.column === column.name && relationKey(origin) === key),
  )
}

/**
 * Where only defaults are assigned, by the bytes that the assignments are found at: `SET c = DEFAULT`, `INSERT … DEFAULT
 * VALUES`, and columns for which all rows of VALUES say DEFAULT. What a default is, no client picks.
 */
function defaultsIn(root: TypedNode): ReadonlySet<number> {
  const places = new Set<number>()
  const pending: TypedNode[] = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'InsertStmt') noteInsert(node.body, places)
    if (node.type === 'ResTarget' && typedAt(node.body, 'val')?.type === 'SetToDefault')
      places.add(numberAt(node.body, 'location'))
    pending.push(...(childrenOf(node) ?? []))
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
