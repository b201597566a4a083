import type { RelationName } from '@querywarden/policy-core'
import { flagAt, type Node, nodeAt, type TypedNode, textAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow } from './binder.ts'
import { builtInName } from './built-in-calls.ts'
import type { Flow } from './flow.ts'
import { entryOf } from './items.ts'
import { labelOf } from './labels.ts'
import { rowTypesOf } from './row-types.ts'
import type { Field, FromScope, Item, RowTypes } from './scope.ts'

/**
 * Functions of the server by the names of the columns that they give in FROM, in order; empty for the one column that goes
 * by the alias, or by the function's name (manual, 9.26 Set Returning Functions, 9.16.1, 9.4).
 */
const RESULT_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['generate_series', ['']],
  ['generate_subscripts', ['']],
  ['regexp_matches', ['']],
  ['regexp_split_to_table', ['']],
  ['string_to_table', ['']],
  ['json_object_keys', ['']],
  ['jsonb_object_keys', ['']],
  ['json_array_elements', ['value']],
  ['jsonb_array_elements', ['value']],
  ['json_array_elements_text', ['value']],
  ['jsonb_array_elements_text', ['value']],
  ['json_each', ['key', 'value']],
  ['jsonb_each', ['key', 'value']],
  ['json_each_text', ['key', 'value']],
  ['jsonb_each_text', ['key', 'value']],
])

/** Puts functions in FROM into the scope. They see all that stands before them, LATERAL or not. */
export function bindRangeFunction(binder: Binder, node: Node, scope: FromScope): void {
  const rest = newFlow(binder, binder.places.whole)
  const fields: Field[] = []
  const calls = typedNodesAt(node, 'functions')
  const rowTypes: RowTypes[] = []
  let isComplete = true
  let ownName = ''
  const alias = nodeAt(node, 'alias')
  const aliasName = alias === null ? '' : textAt(alias, 'aliasname')
  for (const { body } of calls) {
    const [call, defined] = typedNodesAt(body, 'items')
    if (call === undefined) continue
    binder.expression(call, scope, rest)
    rowTypes.push(rowTypesOf(binder, call))
    const label = labelOf(binder, call)
    if (ownName === '') ownName = label
    const columns = columnsOf(binder, call, calls.length === 1 ? typedNodesAt(node, 'coldeflist') : [], defined)
    const columnName = calls.length === 1 && aliasName !== '' ? aliasName : label
    for (const name of columns ?? []) fields.push(derivedField(name === '' ? columnName : name, rest))
    // Behind one whose columns aren't known, no column's place is.
    if (columns === null) isComplete = false
    if (!isComplete && columns !== null) fields.length = 0
  }
  if (flagAt(node, 'ordinality') && isComplete) fields.push(derivedField('ordinality', newFlow(binder, rest.place)))
  if (!isComplete) rest.isUnknown = true
  const item: Item = { fields, isComplete, byName: null, relations: [], rowTypes: joined(rowTypes), rest, whole: null }
  scope.entries.push(entryOf(node, item, ownName))
}

const derivedField = (name: string, flow: Flow): Field => ({ name, flow, column: null, used: null })

const joined = (types: readonly RowTypes[]): RowTypes => (types.includes('any') ? 'any' : types.flat().filter(isNamed))

const isNamed = (type: RelationName | string): type is RelationName => typeof type !== 'string'

/** The names of the columns that a call gives, empty for one by the alias; null where they aren't known. */
function columnsOf(
  binder: Binder,
  { type, body }: TypedNode,
  coldefs: readonly TypedNode[],
  defined: TypedNode | undefined,
): readonly string[] | null {
  const definitions = coldefs.length > 0 ? coldefs : defined === undefined ? [] : typedNodesAt(defined.body, 'items')
  if (definitions.length > 0) return definitions.map(definition => textAt(definition.body, 'colname'))
  if (type === 'SQLValueFunction') return ['']
  if (type !== 'FuncCall') return null
  const name = builtInName(binder, body)
  return name === null ? null : (RESULT_COLUMNS.get(name) ?? null)
}
