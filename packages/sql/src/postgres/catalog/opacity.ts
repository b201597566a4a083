import type { CatalogRoutine } from '@querywarden/policy-core'
import { schemaRelation, valueColumn } from '../system-relations.ts'
import { TRUE } from './queries.ts'
import { listAt, onlyComputes, type Routines } from './routines.ts'
import type { Snapshot } from './snapshot.ts'
import type { Types } from './types.ts'

/** Why a relation's rows can't be followed. */
export interface Opacity {
  readonly why: string
  /** The routines that are the only reason, or null where there is another. */
  readonly by: ReadonlySet<CatalogRoutine> | null
}

/**
 * The relations whose rows can't be followed to base columns, with the reason. Reading passes it on: a view is as opaque
 * as what it reads, a parent as its children.
 */
export function opacityOf(snapshot: Snapshot, types: Types, routines: Routines): ReadonlyMap<string, Opacity> {
  const opaque = new Map<string, Opacity>()
  /** No routines: not even those that it runs are known. */
  const mark = (relation: string, why: string, by: readonly CatalogRoutine[]): void => {
    add(opaque, relation, { why, by: by.length === 0 ? null : new Set(by) })
  }
  for (const [relation = '', , , kind] of snapshot.relations) {
    if (kind === 'f') mark(relation, 'its rows come from outside the database', [])
  }
  for (const [relation = '', , name = '', type = ''] of snapshot.columns) {
    if (types.runsCodeUnasked(type))
      mark(relation, `its column ${name} is of a type that may run code`, types.routinesOf(type))
  }
  // A row as a whole has a type of its own, with casts of its own: `t::text`, `length(t)`.
  for (const [type = ''] of snapshot.types) {
    if (!types.hasCodeUnasked(type)) continue
    for (const relation of types.rowsIn(type))
      mark(relation, 'its rows are of a type that may run code', types.routinesOf(type))
  }
  for (const [view = '', routine = '', operator = '', object = ''] of snapshot.viewUserCode) {
    const found = routines.byOid(routine)
    mark(view, `its definition uses ${object}`, found === null ? (routines.byOperator.get(operator) ?? []) : [found])
  }
  for (const [view = '', oid = '', schema = '', name = '', isBuiltIn, isImmutable] of snapshot.viewFunctions) {
    if (isBuiltIn === TRUE && (isImmutable === TRUE || onlyComputes(name))) continue
    const found = isBuiltIn === TRUE ? null : routines.byOid(oid)
    mark(view, `its definition calls ${schema}.${name}`, found === null ? [] : [found])
  }
  for (const [view = '', schema = '', name = ''] of snapshot.viewSystemReads) {
    if (schemaRelation(schema, name) !== null && valueColumn({ schema, name }) === null) continue
    mark(view, `its definition reads the system relation ${schema}.${name}`, [])
  }
  for (const [view = '', type = ''] of snapshot.viewTypes) {
    if (types.runsCode(type)) mark(view, 'its definition uses a type that may run code', types.routinesOf(type))
  }
  passOn(snapshot, opaque)
  return opaque
}

/** Notes one more reason, and says whether that made a difference. The first is the one to tell. */
function add(opaque: Map<string, Opacity>, relation: string, { why, by }: Opacity): boolean {
  const known = opaque.get(relation)
  if (known === undefined) {
    opaque.set(relation, { why, by })
    return true
  }
  if (known.by === null) return false
  if (by === null) {
    opaque.set(relation, { why: known.why, by: null })
    return true
  }
  const all = new Set([...known.by, ...by])
  if (all.size === known.by.size) return false
  opaque.set(relation, { why: known.why, by: all })
  return true
}

function passOn(snapshot: Snapshot, opaque: Map<string, Opacity>): void {
  const readers = new Map<string, string[]>()
  for (const [view = '', relation = ''] of snapshot.viewReads) listAt(readers, relation).push(view)
  for (const [child = '', parent = ''] of snapshot.inheritance) listAt(readers, child).push(parent)

  // A list's iteration comes to what is added on the way. A relation is added as often as there is more of it to pass on.
  const changed = [...opaque.keys()]
  for (const relation of changed) {
    const by = opaque.get(relation)?.by ?? null
    for (const reader of readers.get(relation) ?? []) {
      if (add(opaque, reader, { why: 'it reads a relation whose rows cannot be followed', by })) changed.push(reader)
    }
  }
}
