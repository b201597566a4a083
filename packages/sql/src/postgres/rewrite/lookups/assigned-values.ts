import { type MaskedColumn, type MaskedRelation, relationKey } from '@querywarden/policy-core'
import {
  type Node,
  nodeAt,
  numberAt,
  referenceParts,
  type TypedNode,
  textAt,
  typedAt,
  typedNodesAt,
} from '../../node.ts'
import type { ChangesInput } from '../changes/plan-targets.ts'
import { valuesOf } from '../changes/probes.ts'
import { type Impossible, impossible } from '../impossible.ts'
import { nodesIn } from '../walk-tree.ts'
import { isGiven } from './plain-values.ts'

/** How many values are assigned to a column under `equality`. */
export interface AssignedValues {
  readonly masked: MaskedColumn
  readonly values: number
}

/** Values of one column that one part of a statement assigns. */
interface Assigned {
  readonly values: readonly TypedNode[]
  /** Where they can't be told, or not counted. */
  readonly isUnknown: boolean
}

/**
 * Counts the literals and parameters that are assigned to columns under `equality`. What comes from anywhere else could be
 * any number of values, and is refused.
 */
export function assignedValues(input: ChangesInput): { readonly values: readonly AssignedValues[] } | Impossible {
  const masked = new Map(input.masks.map(each => [relationKey(each.relation), each]))
  const values: AssignedValues[] = []
  const assigned = assignmentsIn(input.statement, masked)
  for (const use of input.facts.columns) {
    const relation = use.role === 'target' ? masked.get(relationKey(use)) : undefined
    for (const column of relation?.columns ?? []) {
      if (column.predicates !== 'equality' || !(use.column === '*' || column.column.name === use.column)) continue
      const known = assigned.get(keyOf(use.place.start, use.column))
      if (known === undefined || known.isUnknown) return uncounted(column, use.place.start)
      values.push({ masked: column, values: known.values.filter(({ type }) => type !== 'SetToDefault').length })
    }
  }
  return { values }
}

const uncounted = ({ column }: MaskedColumn, start: number): Impossible =>
  impossible(
    `how many values are assigned to the masked column \`${column.name}\` can not be counted, and each is a lookup`,
    'write them as literals or parameters',
    { start, end: start },
  )

const keyOf = (start: number, column: string): string => `${start} ${column}`

/** What is assigned where, by the place that the facts have for it. */
function assignmentsIn(root: TypedNode, masked: ReadonlyMap<string, MaskedRelation>): ReadonlyMap<string, Assigned> {
  const found = new Map<string, Assigned>()
  const add = (start: number, column: string, more: Assigned): void => {
    const key = keyOf(start, column)
    const known = found.get(key) ?? { values: [], isUnknown: false }
    found.set(key, { values: [...known.values, ...more.values], isUnknown: known.isUnknown || more.isUnknown })
  }
  // Of two relations of one name none is taken for the other: what then isn't known isn't counted, and refused.
  const columnsOf = (relation: Node): readonly string[] => {
    const [found, second] = [...masked.values()].filter(each => each.relation.name === textAt(relation, 'relname'))
    return found === undefined || second !== undefined ? [] : found.relation.columns.map(({ name }) => name)
  }
  for (const { type, body } of nodesIn(root)) {
    if (type === 'InsertStmt') noteInsert(body, columnsOf(nodeAt(body, 'relation') ?? {}), add)
    else if (type === 'MergeStmt') noteMerge(body, columnsOf(nodeAt(body, 'relation') ?? {}), add)
    if (type === 'UpdateStmt' || type === 'OnConflictClause') noteSet(body, add)
  }
  return found
}

type Add = (start: number, column: string, assigned: Assigned) => void

const UNKNOWN: Assigned = { values: [], isUnknown: true }

const given = (values: readonly TypedNode[]): Assigned =>
  values.every(isGiven) ? { values, isUnknown: false } : UNKNOWN

function noteInsert(insert: Node, all: readonly string[], add: Add): void {
  const source = typedAt(insert, 'selectStmt')
  const rows = valuesOf(source)
  const place = numberAt(nodeAt(insert, 'relation') ?? {}, 'location')
  const columns = typedNodesAt(insert, 'cols')
  const named = columns.map(({ body }) => ({ name: textAt(body, 'name'), start: numberAt(body, 'location') }))
  const listed = columns.length > 0 ? named : all.map(name => ({ name, start: place }))
  for (const [index, { name, start }] of listed.entries()) {
    const isKnown = source === null || rows.length > 0
    add(start, name, isKnown ? given(rows.flatMap(row => row[index] ?? [])) : UNKNOWN)
  }
}

function noteMerge(merge: Node, all: readonly string[], add: Add): void {
  const place = numberAt(nodeAt(merge, 'relation') ?? {}, 'location')
  for (const { body } of typedNodesAt(merge, 'mergeWhenClauses')) {
    if (textAt(body, 'commandType') !== 'CMD_INSERT') {
      noteSet(body, add)
      continue
    }
    const values = typedNodesAt(body, 'values')
    const columns = typedNodesAt(body, 'targetList')
    if (columns.length === 0)
      for (const [index, name] of all.entries()) add(place, name, given(values.slice(index, index + 1)))
    for (const [index, { body: column }] of columns.entries())
      add(numberAt(column, 'location'), textAt(column, 'name'), given(values.slice(index, index + 1)))
  }
}

/** What `excluded` has of the same column was counted where it was to be inserted. */
function noteSet(node: Node, add: Add): void {
  for (const { body } of typedNodesAt(node, 'targetList')) {
    const name = textAt(body, 'name')
    const value = typedAt(body, 'val')
    const { names, isStar } = value?.type === 'ColumnRef' ? referenceParts(value.body) : { names: [], isStar: true }
    const isProposed = !isStar && names.length === 2 && names[0] === 'excluded' && names[1] === name
    add(numberAt(body, 'location'), name, isProposed || value === null ? given([]) : given([value]))
  }
}
