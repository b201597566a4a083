import {
  flagAt,
  type Node,
  nodeAt,
  nodesAt,
  numberAt,
  stringOf,
  type TypedNode,
  textAt,
  typedAt,
  typedNode,
  typedNodesAt,
} from '../node.ts'
import { type Binder, bindFor, newFlow } from './binder.ts'
import { bindWindow } from './expressions.ts'
import { roleBit } from './flow.ts'
import { bindFrom } from './from.ts'
import { fieldNamed, resultOf } from './items.ts'
import { type Field, fromScope, inside, type OnLeft, type Rows, type Scope } from './scope.ts'
import { bindTargets } from './targets.ts'
import { enterWith } from './with-queries.ts'

const PREDICATE = roleBit('predicate')
const GROUP = roleBit('group')
const ORDER = roleBit('order')

/** Binds a SELECT, a VALUES list or a set operation. `outer` is what it can see from where it stands. */
export function bindSelect(binder: Binder, select: Node, outer: Scope, onLeft?: OnLeft): Rows {
  const scope = enterWith(binder, nodeAt(select, 'withClause'), outer)
  const operation = textAt(select, 'op')
  if (operation !== '' && operation !== 'SETOP_NONE') return bindSetOperation(binder, select, scope, onLeft)
  return nodesAt(select, 'valuesLists').length > 0
    ? bindValues(binder, select, scope)
    : bindPlain(binder, select, scope)
}

function bindPlain(binder: Binder, select: Node, outer: Scope): Rows {
  const scope = fromScope(outer)
  bindFrom(binder, typedNodesAt(select, 'fromClause'), scope)
  const rows = bindTargets(binder, typedNodesAt(select, 'targetList'), scope)
  bindFor(binder, partsAt(select, 'whereClause'), scope, PREDICATE)
  for (const each of typedNodesAt(select, 'groupClause')) bindGroup(binder, each, scope, rows)
  bindFor(binder, partsAt(select, 'havingClause'), scope, PREDICATE)
  for (const { body } of typedNodesAt(select, 'windowClause'))
    bindWindow(binder, body, scope, newFlow(binder, binder.places.whole))
  const distinct = typedNodesAt(select, 'distinctClause')
  for (const each of distinct) bindSort(binder, each, scope, rows, GROUP)
  // DISTINCT without ON is a list of one empty place, and compares all columns.
  if (distinct.length === 0 && nodesAt(select, 'distinctClause').length > 0) markAll(rows.fields, GROUP)
  bindOrder(binder, select, scope, rows)
  return rows
}

const partsAt = (node: Node, field: string): readonly TypedNode[] => {
  const typed = typedAt(node, field)
  return typed === null ? [] : [typed]
}

/** ORDER BY, LIMIT and OFFSET. */
function bindOrder(binder: Binder, select: Node, scope: Scope, rows: Rows): void {
  for (const { type, body } of typedNodesAt(select, 'sortClause')) {
    const value = type === 'SortBy' ? typedAt(body, 'node') : null
    if (value === null) bindFor(binder, [{ type, body }], scope, ORDER)
    else bindSort(binder, value, scope, rows, ORDER)
  }
  // They see no columns of this query, but may hold sub-selects of their own.
  bindFor(binder, [...partsAt(select, 'limitOffset'), ...partsAt(select, 'limitCount')], scope, PREDICATE)
}

/** In ORDER BY and DISTINCT ON a bare name is a label before it is a column (findTargetlistEntrySQL92 in parse_clause.c). */
function bindSort(binder: Binder, value: TypedNode, scope: Scope, rows: Rows, role: number): void {
  const name = bareName(value)
  const labelled = name === null ? null : fieldsNamed(rows, name)
  if (labelled !== null && labelled.length > 0) {
    binder.watch?.saw(value.body, { kind: 'label' })
    markAll(labelled, role)
  } else if (!isOrdinal(value)) bindFor(binder, [value], scope, role)
  else markOrdinal(value, rows, role)
}

/** In GROUP BY it is a column of this query's FROM before it is a label. */
function bindGroup(binder: Binder, value: TypedNode, scope: Scope, rows: Rows): void {
  const { type, body } = value
  if (type === 'GroupingSet') {
    for (const each of typedNodesAt(body, 'content')) bindGroup(binder, each, scope, rows)
    return
  }
  if (type === 'RowExpr' && textAt(body, 'row_format') === 'COERCE_IMPLICIT_CAST') {
    for (const each of typedNodesAt(body, 'args')) bindGroup(binder, each, scope, rows)
    return
  }
  const name = bareName(value)
  if (name === null || scope.entries.some(({ isOpen, item }) => isOpen && fieldNamed(item, name) !== null)) {
    if (isOrdinal(value)) markOrdinal(value, rows, GROUP)
    else bindFor(binder, [value], scope, GROUP)
    return
  }
  const labelled = fieldsNamed(rows, name)
  if (labelled.length > 0) binder.watch?.saw(value.body, { kind: 'label' })
  markAll(labelled, GROUP)
  const isDoubtful = scope.entries.some(({ isOpen, item }) => isOpen && !item.isComplete)
  if (labelled.length === 0 || isDoubtful) bindFor(binder, [value], scope, GROUP)
}

function bareName({ type, body }: TypedNode): string | null {
  if (type !== 'ColumnRef') return null
  const fields = nodesAt(body, 'fields')
  return fields.length === 1 ? stringOf(typedNode(fields[0] ?? {})) : null
}

const fieldsNamed = (rows: Rows, name: string): readonly Field[] => rows.fields.filter(field => field.name === name)

function markAll(fields: readonly Field[], role: number): void {
  for (const { flow } of fields) if (flow !== null) flow.roles |= role
}

const isOrdinal = ({ type, body }: TypedNode): boolean => type === 'A_Const' && 'ival' in body

/** `ORDER BY 2`: the one place where a constant says which column is meant. */
function markOrdinal({ body }: TypedNode, rows: Rows, role: number): void {
  const ordinal = numberAt(nodeAt(body, 'ival') ?? {}, 'ival')
  // Behind columns that aren't known it may be any.
  markAll(rows.isComplete ? rows.fields.slice(ordinal - 1, ordinal) : rows.fields, role)
}

function bindValues(binder: Binder, select: Node, outer: Scope): Rows {
  const scope = inside(outer, [])
  const columns: Field[] = []
  for (const { body } of typedNodesAt(select, 'valuesLists')) {
    for (const [index, value] of typedNodesAt(body, 'items').entries()) {
      let flow = columns[index]?.flow ?? null
      if (flow === null) {
        flow = newFlow(binder, binder.places.whole)
        columns.push({ name: `column${index + 1}`, flow, column: null, used: null })
      }
      binder.expression(value, scope, flow)
    }
  }
  const rows = { fields: columns, isComplete: true }
  bindOrder(binder, select, scope, rows)
  return rows
}

/**
 * Columns by position, names from the first query. `onLeft` is told what the left query gives before the right one is
 * bound, and says what stands for the result: a recursive query reads itself there.
 */
function bindSetOperation(
  binder: Binder,
  select: Node,
  scope: Scope,
  onLeft: OnLeft = rows => resultOf(binder, rows),
): Rows {
  const [left, right] = [nodeAt(select, 'larg') ?? {}, nodeAt(select, 'rarg') ?? {}]
  const result = onLeft(bindSelect(binder, left, scope))
  const other = bindSelect(binder, right, scope)
  const isAligned = result.isComplete && other.isComplete
  for (const [index, { flow }] of result.fields.entries()) {
    const sources = isAligned ? other.fields.slice(index, index + 1) : other.fields
    for (const source of sources) if (flow !== null && source.flow !== null) flow.from.push(source.flow)
    if (flow !== null && !isAligned) flow.isUnknown = true
  }
  // Without ALL rows are compared, whole.
  if (!flagAt(select, 'all')) markAll(result.fields, GROUP)
  bindOrder(binder, select, inside(scope, []), result)
  return result
}
