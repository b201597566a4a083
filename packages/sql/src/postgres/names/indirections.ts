import { type RelationName, relationKey } from '@querywarden/policy-core'
import { fieldLikeEffect } from '../functions/classify-function.ts'
import { type Node, stringOf, type TypedNode, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow, newLeaf } from './binder.ts'
import type { Flow } from './flow.ts'
import { fieldNamed, fieldsOfRelation, flowOf, restOf, rowTypesWith, type wholeRow } from './items.ts'
import { type Reference, resolve } from './references.ts'
import { rowTypeOfColumn, rowTypesIn, rowTypesOf } from './row-types.ts'
import type { Field, Rows, RowTypes, Scope } from './scope.ts'

/** What stands before the steps of an indirection. */
interface Start {
  readonly reference: Reference
  /** The relations whose rows it may be. */
  readonly types: RowTypes
}

function startOf(binder: Binder, indirection: Node, scope: Scope): Start {
  const argument = typedAt(indirection, 'arg')
  if (argument?.type === 'ColumnRef') {
    const reference = resolve(binder, argument.body, scope)
    return { reference, types: [] }
  }
  const flow = newFlow(binder, argument === null ? binder.places.whole : binder.places.of(argument.body))
  if (argument !== null) binder.expression(argument, scope, flow)
  return { reference: { flow, field: null, row: null }, types: argument === null ? [] : rowTypesOf(binder, argument) }
}

/** `(value).field`, `(value)[1]`: a part of a row or an array, of any depth. */
export function resolveIndirection(binder: Binder, indirection: Node, scope: Scope): Reference {
  const start = startOf(binder, indirection, scope)
  const steps = typedNodesAt(indirection, 'indirection')
  const first = fieldStep(binder, start, stringOf(steps[0] ?? null))
  if (first === null) return deeper(binder, steps, scope, start.reference.flow, start.types)
  return steps.length === 1 ? first : deeper(binder, steps.slice(1), scope, first.flow, [])
}

/** The first step from a whole row, where it surely is a column of it. */
function fieldStep(binder: Binder, { reference: { row, flow } }: Start, name: string | null): Reference | null {
  const field = row === null || name === null ? null : fieldNamed(row, name)
  if (row === null || field === null) return null
  return { flow: flowOf(binder, row, field, flow.place), field, row: null }
}

/** Follows the steps behind a value that may hold rows of some relations. */
function deeper(binder: Binder, steps: readonly TypedNode[], scope: Scope, start: Flow, types: RowTypes): Reference {
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
    const sources = types === 'any' ? types : [...types, ...rowTypesIn(binder, flow)]
    for (const { schema, name: relation } of distinct(rowTypesWith(binder, sources, name)))
      flow.from.push(newLeaf(binder, { schema, name: relation, column: name }, flow.place))
  }
  return { flow, field: null, row: null }
}

const distinct = (relations: readonly RelationName[]): readonly RelationName[] => [
  ...new Map(relations.map(relation => [relationKey(relation), relation])).values(),
]

/** `(value).*`: the columns of a row. */
export function resolveRowStar(binder: Binder, indirection: Node, scope: Scope): Rows {
  const start = startOf(binder, indirection, scope)
  const steps = typedNodesAt(indirection, 'indirection').slice(0, -1)
  const { row } = start.reference
  if (row !== null && steps.length === 0) return rowsOf(binder, row, start.reference.flow)
  const first = fieldStep(binder, start, stringOf(steps[0] ?? null))
  const reference =
    first === null
      ? deeper(binder, steps, scope, start.reference.flow, start.types)
      : steps.length === 1
        ? first
        : deeper(binder, steps.slice(1), scope, first.flow, [])
  return fieldsOfValue(binder, reference, start.types, steps.length === 0 || first !== null)
}

/** All fields of an item, each as the text names it with a star. */
export function rowsOf(binder: Binder, item: Parameters<typeof wholeRow>[1], from: Flow): Rows {
  const fields = item.fields.map(field => ({ ...field, flow: flowOf(binder, item, field, from.place) }))
  if (item.isComplete) return { fields, isComplete: true }
  const rest: Field = { name: '*', flow: restOf(binder, item, '*', from.place), column: null, used: null }
  return { fields: [...fields, rest], isComplete: false }
}

/** The fields of a composite value: known where its type is that of one relation. */
function fieldsOfValue(binder: Binder, { flow, field }: Reference, types: RowTypes, isOwn: boolean): Rows {
  const own = field?.used == null ? null : rowTypeOfColumn(binder, field.used)
  const named = types === 'any' ? [] : types
  const candidates = own === null ? distinct([...named, ...rowTypesIn(binder, flow)]) : [own]
  const fields: Field[] = []
  for (const candidate of candidates) {
    const relation = binder.catalog.relations.get(relationKey(candidate))
    for (const { name, column } of relation === undefined ? [] : fieldsOfRelation(relation).fields) {
      const part = newFlow(binder, flow.place)
      part.from.push(flow)
      if (column !== null) part.from.push(newLeaf(binder, column, flow.place))
      fields.push({ name, flow: part, column: null, used: null })
    }
  }
  const isComplete = isOwn && own !== null
  if (isComplete) return { fields, isComplete }
  const rest = newFlow(binder, flow.place)
  rest.isUnknown = true
  rest.from.push(flow)
  return { fields: [...fields, { name: '*', flow: rest, column: null, used: null }], isComplete }
}
