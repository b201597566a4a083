import { relationKey } from '@querywarden/policy-core'
import type { Context, Scope, Visitor } from './context.ts'
import { type Node, nodeAt, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'
import type { NodesRuled } from './node-rules.ts'
import { enterWith } from './queries.ts'
import { type Target, targetOf } from './references.ts'
import { addRange, resolveRelation, touchRange } from './relations.ts'
import { isUnbounded } from './unbounded.ts'

const visitInsert: Visitor = (context, insert, outer, typed) => {
  const scope = enterWith(context, insert, outer)
  const relation = nodeAt(insert, 'relation') ?? {}
  touchRange(context, relation, { access: 'insert', effect: 'write', unbounded: false })
  const conflict = nodeAt(insert, 'onConflictClause')
  if (conflict !== null && textAt(conflict, 'action') === 'ONCONFLICT_UPDATE') {
    touchRange(context, relation, { access: 'update', effect: 'write', unbounded: false })
    noteAssigned(context, relation, conflict)
    addRange(context, { relname: 'excluded' }, { kind: 'relation', columns: targetOf(context, relation).columns })
  }
  visitRest(context, typed, scope)
}

const visitUpdate: Visitor = (context, update, outer, typed) => {
  const scope = enterWith(context, update, outer)
  const relation = nodeAt(update, 'relation') ?? {}
  const unbounded = isUnbounded(context, typedAt(update, 'whereClause'), targetOf(context, relation))
  touchRange(context, relation, { access: 'update', effect: 'write', unbounded })
  noteAssigned(context, relation, update)
  visitRest(context, typed, scope)
}

const visitDelete: Visitor = (context, statement, outer, typed) => {
  const scope = enterWith(context, statement, outer)
  const relation = nodeAt(statement, 'relation') ?? {}
  const unbounded = isUnbounded(context, typedAt(statement, 'whereClause'), targetOf(context, relation))
  touchRange(context, relation, { access: 'delete', effect: 'write', unbounded })
  visitRest(context, typed, scope)
}

/** A trigger on UPDATE OF some columns runs where one of them is assigned to. */
function noteAssigned(context: Context, range: Node, assigning: Node): void {
  const resolved = resolveRelation(context, textAt(range, 'schemaname'), textAt(range, 'relname'))
  if (resolved.kind !== 'known') return
  const key = relationKey(resolved.relation)
  const names = context.writes.assigned.get(key) ?? new Set()
  for (const { body } of typedNodesAt(assigning, 'targetList')) names.add(textAt(body, 'name'))
  context.writes.assigned.set(key, names)
}

const MERGE_ACCESS = { CMD_INSERT: 'insert', CMD_UPDATE: 'update', CMD_DELETE: 'delete' } as const

const visitMerge: Visitor = (context, merge, outer, typed) => {
  const scope = enterWith(context, merge, outer)
  const relation = nodeAt(merge, 'relation') ?? {}
  const target = targetOf(context, relation)
  const actions = typedNodesAt(merge, 'mergeWhenClauses')
  for (const [command, access] of Object.entries(MERGE_ACCESS)) {
    const taken = actions.filter(({ body }) => textAt(body, 'commandType') === command)
    const unbounded = access !== 'insert' && taken.some(({ body }) => isUnboundedAction(context, merge, body, target))
    if (taken.length > 0) touchRange(context, relation, { access, effect: 'write', unbounded })
    if (access === 'update') for (const { body } of taken) noteAssigned(context, relation, body)
  }
  // One that does nothing still locks rows, and needs no less trust.
  const acts = actions.some(({ body }) => textAt(body, 'commandType') in MERGE_ACCESS)
  if (!acts) touchRange(context, relation, { access: 'update', effect: 'write', unbounded: false })
  visitRest(context, typed, scope)
}

/** Whether an action may reach every row: its condition says nothing, and neither does the join that leads to it. */
function isUnboundedAction(context: Context, merge: Node, action: Node, target: Target): boolean {
  if (!isUnbounded(context, typedAt(action, 'condition'), target)) return false
  const isBySource = textAt(action, 'matchKind') === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE'
  return isBySource || isUnbounded(context, typedAt(merge, 'joinCondition'), target)
}

/** The target is no place that rows are read from: it was noted, and a WITH query of its name doesn't hide it. */
function visitRest(context: Context, typed: TypedNode, scope: Scope): void {
  noteReturned(context, typed.body)
  context.visitFields(typed, scope, ['withClause', 'relation'])
}

/** RETURNING knows the target's row of before and after by name, from PostgreSQL 18 on. */
function noteReturned(context: Context, statement: Node): void {
  const returning = nodeAt(statement, 'returningClause')
  if (returning === null) return
  const { columns } = targetOf(context, nodeAt(statement, 'relation') ?? {})
  const renamed = typedNodesAt(returning, 'options').map(({ body }) => textAt(body, 'value'))
  for (const relname of new Set(['old', 'new', ...renamed]))
    addRange(context, { relname }, { kind: 'relation', columns })
}

export const DML_VISITORS: Readonly<Record<NodesRuled<'dml'>, Visitor>> = {
  InsertStmt: visitInsert,
  UpdateStmt: visitUpdate,
  DeleteStmt: visitDelete,
  MergeStmt: visitMerge,
}
