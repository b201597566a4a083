import { type RelationName, relationKey, type UsedColumn, type UsedRelation } from '@querywarden/policy-core'
import { type Node, nameParts, nodeAt, textAt } from '../node.ts'
import { resolveRelation } from '../relations.ts'
import { isSystemRelation } from '../system-relations.ts'
import { type Binder, newFlow, newLeaf, spend } from './binder.ts'
import type { Flow } from './flow.ts'
import type { Entry, Field, Item, Rows } from './scope.ts'

/** A relation's columns as fields, made once for each relation of a catalog. */
interface RelationFields {
  readonly fields: readonly Field[]
  readonly byName: ReadonlyMap<string, Field>
}
const KNOWN_FIELDS = new WeakMap<UsedRelation, RelationFields>()

/** The columns of a relation of the catalog. */
export function fieldsOfRelation(relation: UsedRelation): RelationFields {
  const known = KNOWN_FIELDS.get(relation)
  if (known !== undefined) return known
  const fields = relation.columns.map(used => relationField(relation, used))
  const made = { fields, byName: new Map(fields.map(field => [field.name, field])) }
  KNOWN_FIELDS.set(relation, made)
  return made
}

const relationField = ({ schema, name }: UsedRelation, used: UsedColumn): Field => ({
  name: used.name,
  flow: null,
  column: { schema, name, column: used.name },
  used,
})

/** The relation that a RangeVar names, read or written. */
export function relationItem(binder: Binder, range: Node): Item {
  const [schema, name] = [textAt(range, 'schemaname'), textAt(range, 'relname')]
  const resolved = resolveRelation(binder, schema, name)
  const none = { rowTypes: [], rest: null, whole: null }
  if (resolved.kind === 'known') {
    const { fields, byName } = fieldsOfRelation(resolved.relation)
    return { fields, byName, isComplete: true, relations: [resolved.relation], ...none }
  }
  const relations: readonly RelationName[] =
    resolved.kind === 'schema-only' ? [resolved.relation] : unknownRelations(binder, schema, name)
  return { fields: [], byName: null, isComplete: false, relations, ...none }
}

/** A relation that the catalog doesn't have may be in any schema of the search path. */
function unknownRelations(binder: Binder, schema: string, name: string): readonly RelationName[] {
  if (schema !== '') return [{ schema, name }]
  if (isSystemRelation('pg_catalog', name)) return [{ schema: 'pg_catalog', name }]
  const { searchPath } = binder.catalog
  return searchPath.length === 0 ? [{ schema: '', name }] : searchPath.map(each => ({ schema: each, name }))
}

/** The rows of a query as an item. */
export const derivedItem = ({ fields, isComplete }: Rows): Item => ({
  fields,
  isComplete,
  byName: null,
  relations: [],
  rowTypes: [],
  rest: null,
  whole: null,
})

/** An item under the alias of a node in FROM, with the columns that the alias renames. */
export function entryOf(node: Node, item: Item, ownName: string): Entry {
  const alias = nodeAt(node, 'alias')
  const name = alias === null ? ownName : textAt(alias, 'aliasname')
  const names = alias === null ? [] : nameParts(alias, 'colnames')
  return { name, item: renamed(item, names), isNamed: name !== '', isOpen: true, isAliased: alias !== null }
}

/** An item whose first columns go by other names. Of one whose columns aren't known, each may be any of them. */
export function renamed(item: Item, names: readonly string[]): Item {
  if (names.length === 0) return item
  const fields = item.fields.map((field, index) => ({ ...field, name: names[index] ?? field.name }))
  const more = names.slice(item.fields.length).map(name => ({ name, flow: null, column: null, used: null }))
  return { ...item, fields: [...fields, ...more], byName: null, whole: null }
}

/** A field of an item by its name. */
export function fieldNamed(item: Item, name: string): Field | null {
  if (item.byName !== null) return item.byName.get(name) ?? null
  return item.fields.find(field => field.name === name) ?? null
}

/** The columns that every table has besides its own (manual, 5.6 System Columns). */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

/** Whether a name that isn't among an item's fields is a system column of it. */
export const hasSystemColumn = (item: Item, name: string): boolean =>
  item.relations.length > 0 && SYSTEM_COLUMNS.has(name)

/** The value of a field, where the text names it. */
export function flowOf(binder: Binder, item: Item, field: Field, place: Flow['place']): Flow {
  if (field.flow !== null) return field.flow
  if (field.column !== null && field.through === undefined) return newLeaf(binder, field.column, place)
  if (field.column !== null && field.through !== undefined) {
    const flow = newFlow(binder, place)
    flow.from.push(field.through, newLeaf(binder, field.column, place))
    return flow
  }
  return restOf(binder, item, '*', place)
}

/** The value of a column that an item may have besides its fields. */
export function restOf(binder: Binder, item: Item, name: string, place: Flow['place']): Flow {
  const flow = newFlow(binder, place)
  flow.isUnknown = true
  if (item.rest !== null) flow.from.push(item.rest)
  for (const relation of item.relations) flow.from.push(columnOf(binder, relation, name, place))
  if (name === '*') return flow
  for (const relation of rowTypesWith(binder, item.rowTypes, name))
    flow.from.push(columnOf(binder, relation, name, place))
  return flow
}

const columnOf = (binder: Binder, { schema, name }: RelationName, column: string, place: Flow['place']): Flow =>
  newLeaf(binder, { schema, name, column }, place)

/** Those of some row types that have a column. */
export function rowTypesWith(binder: Binder, types: Item['rowTypes'], column: string): readonly RelationName[] {
  const { relations } = binder.catalog
  if (types === 'any') return [...relations.values()].filter(each => fieldsOfRelation(each).byName.has(column))
  return types.filter(type => {
    const relation = relations.get(relationKey(type))
    return relation !== undefined && fieldsOfRelation(relation).byName.has(column)
  })
}

/** The value of an item's whole row: all of its columns. Made once; they are the same wherever the row is named. */
export function wholeRow(binder: Binder, item: Item, place: Flow['place']): Flow {
  if (item.whole !== null) return item.whole
  const flow = newFlow(binder, place)
  for (const field of item.fields) flow.from.push(flowOf(binder, item, field, place))
  if (!item.isComplete) flow.from.push(restOf(binder, item, '*', place))
  item.whole = flow
  return flow
}

/** Columns of their own, made of those of a query. */
export function resultOf(binder: Binder, { fields, isComplete }: Rows): Rows {
  spend(binder, fields.length)
  const made = fields.map(({ name, flow }) => {
    const own = newFlow(binder, flow?.place ?? binder.places.whole)
    if (flow !== null) own.from.push(flow)
    return { name, flow: own, column: null, used: null }
  })
  return { fields: made, isComplete }
}
