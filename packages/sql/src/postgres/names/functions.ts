import { type RelationName, relationKey } from '@querywarden/policy-core'
import { flagAt, type Node, nodeAt, type TypedNode, textAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow } from './binder.ts'
import type { Flow, RowTypes } from './flow.ts'
import { entryOf, fieldsOfRelation } from './items.ts'
import { labelOf } from './labels.ts'
import { type CallResult, resultOfCall } from './routine-results.ts'
import { rowTypesIn } from './row-types.ts'
import type { Field, FromScope, Item } from './scope.ts'

/** Puts functions in FROM into the scope. They see all that stands before them, LATERAL or not. */
export function bindRangeFunction(binder: Binder, node: Node, scope: FromScope): void {
  const calls = typedNodesAt(node, 'functions')
  const alias = nodeAt(node, 'alias')
  const aliasName = alias === null ? '' : textAt(alias, 'aliasname')
  const fields: Field[] = []
  const rest = newFlow(binder, binder.places.whole)
  const rowTypes: RowTypes[] = []
  let isComplete = true
  let ownName = ''
  for (const { body } of calls) {
    const [call, defined] = typedNodesAt(body, 'items')
    if (call === undefined) continue
    const flow = newFlow(binder, binder.places.of(call.body))
    binder.expression(call, scope, flow)
    rest.from.push(flow)
    const label = labelOf(binder, call)
    if (ownName === '') ownName = label
    const definitions = defined === undefined ? typedNodesAt(node, 'coldeflist') : typedNodesAt(defined.body, 'items')
    const given = definitions.length > 0 ? definedResult(definitions) : resultOf(binder, call, flow)
    rowTypes.push(given.rowTypes)
    const made = fieldsOfCall(binder, given, flow, calls.length === 1 && aliasName !== '' ? aliasName : label)
    // Behind one whose columns aren't known, no column's place is.
    if (made === null) isComplete = false
    else if (isComplete) fields.push(...made)
  }
  if (flagAt(node, 'ordinality') && isComplete) fields.push(derived('ordinality', newFlow(binder, rest.place)))
  if (!isComplete) rest.isUnknown = true
  const item: Item = { fields, isComplete, byName: null, relations: [], rowTypes: joined(rowTypes), rest, whole: null }
  scope.entries.push(entryOf(node, item, ownName))
}

const derived = (name: string, flow: Flow): Field => ({ name, flow, column: null, used: null })

const joined = (types: readonly RowTypes[]): RowTypes =>
  types.includes('any') ? 'any' : types.flat().filter(isRelation)

const isRelation = (type: RelationName | string): type is RelationName => typeof type !== 'string'

const definedResult = (definitions: readonly TypedNode[]): CallResult => ({
  columns: definitions.map(({ body }) => textAt(body, 'colname')),
  rowTypes: [],
})

function resultOf(binder: Binder, { type, body }: TypedNode, flow: Flow): CallResult {
  if (type === 'SQLValueFunction') return { columns: [''], rowTypes: [] }
  if (type !== 'FuncCall') return { columns: null, rowTypes: rowTypesIn(binder, flow) }
  const given = resultOfCall(binder, body)
  // What rows go in may come out.
  return given.columns === null ? { columns: null, rowTypes: rowTypesIn(binder, flow) } : given
}

/** The columns that a call gives: of one relation's rows, that relation's. Null where they aren't known. */
function fieldsOfCall(binder: Binder, given: CallResult, flow: Flow, columnName: string): readonly Field[] | null {
  if (given.columns !== null) return given.columns.map(name => derived(name === '' ? columnName : name, flow))
  const [type, another] = given.rowTypes === 'any' ? [] : given.rowTypes
  const relation = type === undefined ? undefined : binder.catalog.relations.get(relationKey(type))
  if (relation === undefined || another !== undefined) return null
  return fieldsOfRelation(relation).fields.map(field => ({ ...field, through: flow }))
}
