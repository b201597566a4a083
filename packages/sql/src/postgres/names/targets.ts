import type { Place } from '@querywarden/policy-core'
import { type Node, referenceParts, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow, spend } from './binder.ts'
import { resolveIndirection, resolveRowStar, rowsOf } from './indirections.ts'
import { flowOf, restOf } from './items.ts'
import { labelOf } from './labels.ts'
import { entryNamed, type Reference, resolve } from './references.ts'
import type { Field, Rows, Scope } from './scope.ts'

/** Binds what a SELECT or a RETURNING lists, stars drawn out. */
export function bindTargets(binder: Binder, targets: readonly TypedNode[], scope: Scope): Rows {
  const fields: Field[] = []
  let isComplete = true
  for (const { body } of targets) {
    const value = typedAt(body, 'val')
    if (value === null) continue
    const star = starOf(binder, value, scope)
    if (star === null) fields.push(bindTarget(binder, value, textAt(body, 'name'), scope))
    else {
      spend(binder, star.fields.length)
      for (const field of star.fields) fields.push(field)
      isComplete &&= star.isComplete
    }
  }
  return { fields, isComplete }
}

function bindTarget(binder: Binder, value: TypedNode, name: string, scope: Scope): Field {
  const reference = referenceOf(binder, value, scope)
  if (reference !== null) {
    const { flow, field } = reference
    const known = field ?? { column: null, used: null }
    return { ...known, name: name || labelOf(binder, value), flow }
  }
  const flow = newFlow(binder, binder.places.of(value.body))
  binder.expression(value, scope, flow)
  return { name: name || labelOf(binder, value), flow, column: null, used: null }
}

/** What a value refers to, where it is no more than a reference. */
function referenceOf(binder: Binder, { type, body }: TypedNode, scope: Scope): Reference | null {
  if (type === 'ColumnRef') return resolve(binder, body, scope)
  return type === 'A_Indirection' ? resolveIndirection(binder, body, scope) : null
}

/** The columns of a star, or null for what isn't one. */
function starOf(binder: Binder, { type, body }: TypedNode, scope: Scope): Rows | null {
  if (type === 'ColumnRef') return columnStar(binder, body, scope)
  if (type !== 'A_Indirection') return null
  return typedNodesAt(body, 'indirection').at(-1)?.type === 'A_Star' ? resolveRowStar(binder, body, scope) : null
}

function columnStar(binder: Binder, column: Node, scope: Scope): Rows | null {
  const { names, isStar } = referenceParts(column)
  if (!isStar) return null
  const place = binder.places.of(column)
  if (names.length === 0) {
    binder.watch?.saw(column, { kind: 'star', entries: scope.entries.filter(({ isOpen }) => isOpen) })
    return openStar(binder, scope, place)
  }
  const entry = entryNamed(scope, names)
  const { flow } = entry === null ? resolve(binder, column, scope) : { flow: newFlow(binder, place) }
  if (entry !== null) {
    binder.watch?.saw(column, { kind: 'row', entry })
    return rowsOf(binder, entry.item, flow)
  }
  return { fields: [{ name: '*', flow, column: null, used: null }], isComplete: false }
}

/** `*`: all that is open in this query's FROM. */
function openStar(binder: Binder, scope: Scope, place: Place): Rows {
  const fields: Field[] = []
  let isComplete = true
  for (const { isOpen, item } of scope.entries) {
    if (!isOpen) continue
    spend(binder, item.fields.length)
    for (const field of item.fields) fields.push({ ...field, flow: flowOf(binder, item, field, place) })
    if (item.isComplete) continue
    isComplete = false
    fields.push({ name: '*', flow: restOf(binder, item, '*', place), column: null, used: null })
  }
  return { fields, isComplete }
}
