import { builtInEffect } from '../functions/classify-function.ts'
import { schemaRelation, valueColumn } from '../system-relations.ts'
import { TRUE } from './queries.ts'
import type { Snapshot } from './snapshot.ts'
import type { Types } from './types.ts'

/**
 * The relations whose rows can't be followed to base columns, with the reason. Reading passes it on: a view is as opaque
 * as what it reads, a parent as its children.
 */
export function opacityOf(snapshot: Snapshot, types: Types): ReadonlyMap<string, string> {
  const opaque = new Map<string, string>()
  const mark = (relation: string, why: string): void => {
    if (!opaque.has(relation)) opaque.set(relation, why)
  }
  for (const [relation = '', , , kind] of snapshot.relations) {
    if (kind === 'f') mark(relation, 'its rows come from outside the database')
  }
  for (const [relation = '', , name = '', type = ''] of snapshot.columns) {
    if (types.runsCodeUnasked(type)) mark(relation, `its column ${name} is of a type that may run code`)
  }
  for (const [relation = ''] of snapshot.otherRules) mark(relation, 'a rule on it runs statements of its own')
  for (const [view = '', object = ''] of snapshot.viewUserCode) mark(view, `its definition uses ${object}`)
  for (const [view = '', schema = '', name = '', isBuiltIn, isImmutable] of snapshot.viewFunctions) {
    if (isBuiltIn === TRUE && (isImmutable === TRUE || builtInEffect(name) === null)) continue
    mark(view, `its definition calls ${schema}.${name}`)
  }
  for (const [view = '', schema = '', name = ''] of snapshot.viewSystemReads) {
    if (schemaRelation(schema, name) !== null && valueColumn({ schema, name }) === null) continue
    mark(view, `its definition reads the system relation ${schema}.${name}`)
  }
  for (const [view = '', type = ''] of snapshot.viewTypes) {
    if (types.runsCode(type)) mark(view, 'its definition uses a type that may run code')
  }
  passOn(snapshot, opaque)
  return opaque
}

function passOn(snapshot: Snapshot, opaque: Map<string, string>): void {
  const readers = new Map<string, string[]>()
  const addReader = (relation: string, reader: string): void => {
    const known = readers.get(relation)
    if (known === undefined) readers.set(relation, [reader])
    else known.push(reader)
  }
  for (const [view = '', relation = ''] of snapshot.viewReads) addReader(relation, view)
  for (const [child = '', parent = ''] of snapshot.inheritance) addReader(child, parent)

  for (const [relation] of opaque) {
    for (const reader of readers.get(relation) ?? []) {
      // A Map's iteration comes to what is added on the way.
      if (!opaque.has(reader)) opaque.set(reader, 'it reads a relation whose rows cannot be followed')
    }
  }
}
