import type { Place } from '@querywarden/policy-core'
import { flagAt, type Node, nodeAt, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, bindFor, newFlow, newLeaf } from './binder.ts'
import { type Flow, roleBit } from './flow.ts'
import { bindFrom, bindFromItem } from './from.ts'
import { entryOf, flowOf, relationItem, wholeRow } from './items.ts'
import { type Entry, type FromScope, fromScope, type Item, inside, type Rows, type Scope } from './scope.ts'
import { bindTargets } from './targets.ts'
import { enterWith } from './with-queries.ts'

const PREDICATE = roleBit('predicate')
const JOIN = roleBit('join')
const SET = roleBit('set')
const TARGET = roleBit('target')
const RETURNING = roleBit('returning')

const partsAt = (node: Node, field: string): readonly TypedNode[] => {
  const typed = typedAt(node, field)
  return typed === null ? [] : [typed]
}

/** The relation that a statement writes to. A WITH query of its name doesn't hide it. */
function targetEntry(binder: Binder, statement: Node): Entry {
  const relation = nodeAt(statement, 'relation') ?? {}
  const entry = entryOf(relation, relationItem(binder, relation), textAt(relation, 'relname'))
  binder.watch?.writes(relation, entry)
  return entry
}

const placeOfTarget = (binder: Binder, statement: Node): Place => binder.places.of(nodeAt(statement, 'relation') ?? {})

export function bindInsert(binder: Binder, insert: Node, outer: Scope): Rows {
  const scope = enterWith(binder, nodeAt(insert, 'withClause'), outer)
  const entry = targetEntry(binder, insert)
  const columns = typedNodesAt(insert, 'cols')
  const place = placeOfTarget(binder, insert)
  if (columns.length === 0) assignAll(binder, entry.item, place)
  const written = inside(scope, [entry])
  for (const column of columns) assign(binder, entry.item, column, written, place)
  const source = typedAt(insert, 'selectStmt')
  const fields = source === null ? [] : binder.query(source, scope).fields
  for (const { flow } of fields) if (flow !== null) flow.roles |= SET
  const conflict = nodeAt(insert, 'onConflictClause')
  const names = columns.length === 0 ? entry.item.fields.map(({ name }) => name) : columns.map(nameOf)
  const values = new Map(fields.flatMap(({ flow }, at) => (flow === null ? [] : [[names[at] ?? '', flow] as const])))
  if (conflict !== null) bindConflict(binder, conflict, entry, values, scope)
  return bindReturning(binder, insert, written, entry)
}

const nameOf = ({ body }: TypedNode): string => textAt(body, 'name')

function bindConflict(
  binder: Binder,
  conflict: Node,
  entry: Entry,
  values: ReadonlyMap<string, Flow>,
  outer: Scope,
): void {
  const target = inside(outer, [entry])
  const infer = nodeAt(conflict, 'infer')
  if (infer !== null) {
    const place = binder.places.of(infer)
    for (const { body } of typedNodesAt(infer, 'indexElems')) {
      const name = textAt(body, 'name')
      if (name !== '') useColumn(binder, entry.item, name, place, PREDICATE)
      bindFor(binder, partsAt(body, 'expr'), target, PREDICATE)
    }
    bindFor(binder, partsAt(infer, 'whereClause'), target, PREDICATE)
  }
  // The row that could not be inserted: qualified only.
  const excluded: Entry = { name: 'excluded', item: entry.item, isNamed: true, isOpen: false, isAliased: true }
  binder.watch?.proposes(excluded, values)
  const both = inside(outer, [entry, excluded])
  bindAssignments(binder, conflict, entry.item, both)
  bindFor(binder, partsAt(conflict, 'whereClause'), both, PREDICATE)
}

export function bindUpdate(binder: Binder, update: Node, outer: Scope): Rows {
  const { scope, entry } = enterTarget(binder, update, outer)
  bindFrom(binder, typedNodesAt(update, 'fromClause'), scope)
  bindAssignments(binder, update, entry.item, scope)
  bindFor(binder, partsAt(update, 'whereClause'), scope, PREDICATE)
  return bindReturning(binder, update, scope, entry)
}

export function bindDelete(binder: Binder, statement: Node, outer: Scope): Rows {
  const { scope, entry } = enterTarget(binder, statement, outer)
  bindFrom(binder, typedNodesAt(statement, 'usingClause'), scope)
  bindFor(binder, partsAt(statement, 'whereClause'), scope, PREDICATE)
  return bindReturning(binder, statement, scope, entry)
}

function enterTarget(
  binder: Binder,
  statement: Node,
  outer: Scope,
): { readonly scope: FromScope; readonly entry: Entry } {
  const scope = fromScope(enterWith(binder, nodeAt(statement, 'withClause'), outer))
  const entry = targetEntry(binder, statement)
  scope.entries.push(entry)
  return { scope, entry }
}

export function bindMerge(binder: Binder, merge: Node, outer: Scope): Rows {
  const scope = enterWith(binder, nodeAt(merge, 'withClause'), outer)
  const entry = targetEntry(binder, merge)
  const source = fromScope(scope)
  const relation = typedAt(merge, 'sourceRelation')
  if (relation !== null) bindFromItem(binder, relation, source)
  const target = inside(scope, [entry])
  const both = inside(scope, [...source.entries, entry])
  bindFor(binder, partsAt(merge, 'joinCondition'), both, JOIN)
  const place = placeOfTarget(binder, merge)
  for (const { body } of typedNodesAt(merge, 'mergeWhenClauses')) {
    const kind = textAt(body, 'matchKind')
    const isByTarget = kind === '' ? !flagAt(body, 'matched') : kind === 'MERGE_WHEN_NOT_MATCHED_BY_TARGET'
    const seen = isByTarget ? source : kind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE' ? target : both
    bindFor(binder, partsAt(body, 'condition'), seen, PREDICATE)
    bindAssignments(binder, body, entry.item, seen)
    const isInsert = textAt(body, 'commandType') === 'CMD_INSERT'
    if (isInsert && typedNodesAt(body, 'targetList').length === 0) assignAll(binder, entry.item, place)
    bindFor(binder, typedNodesAt(body, 'values'), seen, SET)
  }
  return bindReturning(binder, merge, both, entry)
}

/** The columns that are assigned to, and what is. */
function bindAssignments(binder: Binder, node: Node, target: Item, scope: Scope): void {
  for (const column of typedNodesAt(node, 'targetList')) {
    assign(binder, target, column, scope, binder.places.whole)
    const value = typedAt(column.body, 'val')
    if (value === null) continue
    const flow = newFlow(binder, binder.places.whole, SET)
    binder.watch?.assigns(target, column.body, flow)
    // `(a, b) = (SELECT …)` holds its source once for each column.
    if (value.type !== 'MultiAssignRef' || value.body['colno'] === 1) binder.expression(value, scope, flow)
  }
}

function assign(binder: Binder, target: Item, { body }: TypedNode, scope: Scope, fallback: Place): void {
  const place = 'location' in body ? binder.places.of(body) : fallback
  useColumn(binder, target, textAt(body, 'name'), place, TARGET)
  // `a[i] = …` reads i.
  const indices = typedNodesAt(body, 'indirection').filter(({ type }) => type === 'A_Indices')
  bindFor(binder, indices, scope, SET)
}

function useColumn(binder: Binder, { relations }: Item, column: string, place: Place, role: number): void {
  for (const { schema, name } of relations) newLeaf(binder, { schema, name, column }, place).roles |= role
}

function assignAll(binder: Binder, target: Item, place: Place): void {
  for (const field of target.fields) flowOf(binder, target, field, place).roles |= TARGET
  if (!target.isComplete) wholeRow(binder, { ...target, whole: null }, place).roles |= TARGET
}

/** RETURNING: its rows. From 18 on the old and the new row can be named in it. */
function bindReturning(binder: Binder, statement: Node, scope: Scope, { item }: Entry): Rows {
  const clause = nodeAt(statement, 'returningClause')
  const targets = clause === null ? typedNodesAt(statement, 'returningList') : typedNodesAt(clause, 'exprs')
  if (targets.length === 0) return { fields: [], isComplete: true }
  const rows = bindTargets(binder, targets, clause === null ? scope : withOldAndNew(clause, scope, item))
  for (const { flow } of rows.fields) if (flow !== null) flow.roles |= RETURNING
  return rows
}

function withOldAndNew(clause: Node, scope: Scope, item: Item): Scope {
  const given = typedNodesAt(clause, 'options').map(({ body }) => textAt(body, 'value'))
  // What FROM calls `old` or `new` goes before.
  const names = [...given, 'old', 'new'].filter(
    name => !scope.entries.some(entry => entry.isNamed && entry.name === name),
  )
  const rows = names.map(name => ({ name, item, isNamed: true, isOpen: false, isAliased: true }))
  return { ...scope, entries: [...scope.entries, ...rows] }
}
