import { type RelationName, relationKey } from '@querywarden/policy-core'
import { fieldLikeEffect } from '../functions/classify-function.ts'
import { type Node, referenceParts, stringOf, type TypedNode, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow, newLeaf } from './binder.ts'
import type { Flow } from './flow.ts'
import { fieldNamed, fieldsOfRelation, flowOf, restOf, rowTypesWith } from './items.ts'
import { entryNamed, type Reference, resolve, rowNamed } from './references.ts'
import { rowTypesIn, rowTypeWritten, sourcesOf } from './row-types.ts'
import type { Field, Item, Rows, Scope } from './scope.ts'

/** What stands before the steps of an indirection: a whole row, any other reference, or another value. */
type Start =
  | { readonly kind: 'row'; readonly item: Item; readonly flow: Flow }
  | { readonly kind: 'reference'; readonly reference: Reference }

function startOf(binder: Binder, indirection: Node, scope: Scope): Start {
  const argument = typedAt(indirection, 'arg')
  const flow = newFlow(binder, argument === null ? binder.places.whole : binder.places.of(argument.body))
  if (argument?.type !== 'ColumnRef') {
    if (argument !== null) binder.expression(argument, scope, flow)
    return { kind: 'reference', reference: { flow, field: null } }
  }
  const item = rowNamed(argument.body, scope)
  if (item !== null) {
    const entry = entryNamed(scope, referenceParts(argument.body).names)
    binder.watch?.saw(argument.body, entry === null ? { kind: 'unclear' } : { kind: 'row', entry })
    return { kind: 'row', item, flow }
  }
  const reference = resolve(binder, argument.body, scope)
  // A function's row may go by a name that may also be one of its columns.
  const named = entryNamed(scope, referenceParts(argument.body).names)
  if (named === null || reference.field !== null) return { kind: 'reference', reference }
  flow.from.push(reference.flow)
  flow.rowTypes = named.item.rowTypes
  return { kind: 'reference', reference: { flow, field: null } }
}

/** `(value).field`, `(value)[1]`: a part of a row or an array, of any depth. */
export function resolveIndirection(binder: Binder, indirection: Node, scope: Scope): Reference {
  return follow(
    binder,
    indirection,
    startOf(binder, indirection, scope),
    typedNodesAt(indirection, 'indirection'),
    scope,
  )
}

function follow(binder: Binder, indirection: Node, start: Start, steps: readonly TypedNode[], scope: Scope): Reference {
  const [first] = steps
  if (start.kind === 'reference')
    return first === undefined ? start.reference : deeper(binder, steps, scope, start.reference.flow)
  const { item, flow } = start
  const name = stringOf(first ?? null)
  const field = name === null ? null : fieldNamed(item, name)
  if (field !== null) {
    const part = { flow: flowOf(binder, item, field, flow.place), field }
    return steps.length === 1 ? part : deeper(binder, steps.slice(1), scope, part.flow)
  }
  const row = typedAt(indirection, 'arg')
  if (row !== null) binder.expression(row, scope, flow)
  flow.rowTypes = item.rowTypes
  return deeper(binder, steps, scope, flow)
}

/** Follows the steps behind a value that may hold rows of some relations. */
function deeper(binder: Binder, steps: readonly TypedNode[], scope: Scope, start: Flow): Reference {
  const flow = newFlow(binder, start.place)
  flow.from.push(start)
  for (const step of steps) {
    const name = stringOf(step)
    if (name === null) {
      binder.expression(step, scope, flow)
      continue
    }
    // What is no field is a function of the value.
    if (binder.catalog.userFunctions.has(name) || fieldLikeEffect(name) !== null) flow.isUnknown = true
    for (const relation of rowTypesWith(binder, candidates(binder, flow), name))
      flow.from.push(newLeaf(binder, { schema: relation.schema, name: relation.name, column: name }, flow.place))
  }
  return { flow, field: null }
}

function candidates(binder: Binder, flow: Flow): Flow['rowTypes'] {
  const types = rowTypesIn(binder, flow)
  if (types === 'any') return types
  const all = [...types, ...sourcesOf(binder, flow)]
  return [...new Map(all.map(relation => [relationKey(relation), relation])).values()]
}

/** `(value).*`: the columns of a row. */
export function resolveRowStar(binder: Binder, indirection: Node, scope: Scope): Rows {
  const start = startOf(binder, indirection, scope)
  const steps = typedNodesAt(indirection, 'indirection').slice(0, -1)
  if (start.kind === 'row' && steps.length === 0) return rowsOf(binder, start.item, start.flow)
  const { flow, field } = follow(binder, indirection, start, steps, scope)
  const own = field?.used == null ? null : rowTypeWritten(binder, field.used.type)
  const types = own === null ? rowTypesIn(binder, flow) : [own]
  // What the type of a computed value is can only be told where it is all that it could be.
  const isSure = own !== null || (types !== 'any' && types.length === 1 && isTyped(indirection))
  return fieldsOfValue(binder, flow, types === 'any' ? [...binder.catalog.relations.values()] : types, isSure)
}

/** Whether the value before the star says its own type: a cast, or a call. */
function isTyped(indirection: Node): boolean {
  const type = typedAt(indirection, 'arg')?.type
  return typedNodesAt(indirection, 'indirection').length === 1 && (type === 'TypeCast' || type === 'FuncCall')
}

/** All fields of an item, each as the text names it with a star. */
export function rowsOf(binder: Binder, item: Item, from: Flow): Rows {
  const fields = item.fields.map(field => ({ ...field, flow: flowOf(binder, item, field, from.place) }))
  if (item.isComplete) return { fields, isComplete: true }
  const rest: Field = { name: '*', flow: restOf(binder, item, '*', from.place), column: null, used: null }
  return { fields: [...fields, rest], isComplete: false }
}

/** The fields of a value that is a row of one of some relations. */
function fieldsOfValue(binder: Binder, flow: Flow, types: readonly RelationName[], isSure: boolean): Rows {
  const fields: Field[] = []
  for (const type of types) {
    const relation = binder.catalog.relations.get(relationKey(type))
    for (const { name, column } of relation === undefined ? [] : fieldsOfRelation(relation).fields) {
      const part = newFlow(binder, flow.place)
      part.from.push(flow)
      if (column !== null) part.from.push(newLeaf(binder, column, flow.place))
      fields.push({ name, flow: part, column: null, used: null })
    }
  }
  if (isSure) return { fields, isComplete: true }
  const rest = newFlow(binder, flow.place)
  rest.isUnknown = true
  rest.from.push(flow)
  return { fields: [...fields, { name: '*', flow: rest, column: null, used: null }], isComplete: false }
}
