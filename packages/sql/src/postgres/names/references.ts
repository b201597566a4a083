import type { Place } from '@querywarden/policy-core'
import { type Node, referenceParts } from '../node.ts'
import { type Binder, newFlow, newLeaf } from './binder.ts'
import type { Flow } from './flow.ts'
import { fieldNamed, flowOf, hasSystemColumn, restOf, wholeRow } from './items.ts'
import type { Entry, Field, Item, Scope } from './scope.ts'
import type { Sighting } from './watch.ts'

/** What a column reference means. */
export interface Reference {
  readonly flow: Flow
  /** The field that it is, where there is no doubt. */
  readonly field: Field | null
  /** What it is a column of, or the row of, where there is no doubt. */
  readonly entry?: Entry | undefined
}

/** Finds what a column reference means, as transformColumnRef in parse_expr.c does. */
export function resolve(binder: Binder, column: Node, scope: Scope): Reference {
  const reference = meaningOf(binder, column, scope)
  binder.watch?.saw(column, sightingOf(reference))
  return reference
}

function sightingOf({ entry, field, flow }: Reference): Sighting {
  if (entry === undefined) return { kind: 'unclear' }
  return field === null ? { kind: 'row', entry } : { kind: 'column', entry, field, flow }
}

function meaningOf(binder: Binder, column: Node, scope: Scope): Reference {
  const place = binder.places.of(column)
  const { names, isStar } = referenceParts(column)
  if (isStar) return resolveRow(binder, names, scope, place)
  const [only] = names
  if (names.length === 1 && only !== undefined) return resolveBare(binder, only, scope, place)
  return resolveQualified(binder, names, scope, place)
}

const sole = (flow: Flow, field: Field | null = null, entry?: Entry): Reference => ({ flow, field, entry })

/** `column`: of the innermost query that has it; else the row of what goes by the name. */
function resolveBare(binder: Binder, name: string, scope: Scope, place: Place): Reference {
  const doubts: Flow[] = []
  for (let level: Scope | null = scope; level !== null; level = level.outer) {
    const found = openColumn(binder, level, name, place, doubts)
    if (found !== null) return doubts.length === 0 ? found : sole(together(binder, [...doubts, found.flow], place))
  }
  for (let level: Scope | null = scope; level !== null; level = level.outer) {
    const entry = level.entries.find(each => each.isNamed && each.name === name)
    if (entry === undefined) continue
    const row = wholeRow(binder, entry.item, place)
    return doubts.length === 0 ? sole(row, null, entry) : sole(together(binder, [...doubts, row], place))
  }
  if (doubts.length > 0) return sole(together(binder, doubts, place))
  return sole(unseen(binder, name, scope, place))
}

/** A column among the open entries of one level. Notes those that may have it unseen. */
function openColumn(binder: Binder, level: Scope, name: string, place: Place, doubts: Flow[]): Reference | null {
  let found: Reference | null = null
  for (const entry of level.entries) {
    if (!entry.isOpen) continue
    const own = ownColumn(binder, entry, name, place)
    // Two of a name are an error to the server, unless a catalog of a moment ago is wrong about one of them.
    if (own !== null) found = found === null ? own : sole(together(binder, [found.flow, own.flow], place))
  }
  if (found !== null) return found
  for (const { isOpen, item } of level.entries)
    if (isOpen && !item.isComplete) doubts.push(restOf(binder, item, name, place))
  return null
}

/** A column that an item surely has. */
function ownColumn(binder: Binder, entry: Entry, name: string, place: Place): Reference | null {
  const { item } = entry
  const field = fieldNamed(item, name)
  if (field !== null) return sole(flowOf(binder, item, field, place), field, entry)
  const [relation] = item.relations
  if (relation === undefined || !hasSystemColumn(item, name)) return null
  const column = { schema: relation.schema, name: relation.name, column: name }
  const leaf = newLeaf(binder, column, place)
  return sole(leaf, { name, flow: leaf, column, used: null }, entry)
}

/** `item.column` and `schema.relation.column`. */
function resolveQualified(binder: Binder, names: readonly string[], scope: Scope, place: Place): Reference {
  const name = names.at(-1) ?? ''
  const entry = entryNamed(scope, names.slice(0, -1))
  if (entry === null) return sole(strange(binder, names.at(-3) ?? '', names.at(-2) ?? '', name, place))
  const { item } = entry
  const own = ownColumn(binder, entry, name, place)
  if (own !== null) return own
  const rest = restOf(binder, item, name, place)
  // What is no column is a function of the row (ParseFuncOrColumn in parse_func.c).
  const isRow = item.isComplete || binder.catalog.userRowFunctions.has(name)
  return sole(isRow ? together(binder, [rest, wholeRow(binder, item, place)], place) : rest)
}

/** `item.*` and `schema.relation.*`. */
function resolveRow(binder: Binder, names: readonly string[], scope: Scope, place: Place): Reference {
  const entry = entryNamed(scope, names)
  if (entry === null) return sole(strange(binder, names.at(-2) ?? '', names.at(-1) ?? '', '*', place))
  return sole(wholeRow(binder, entry.item, place), null, entry)
}

/** The item whose whole row a reference surely is, and nothing else; null where it is or may be a column. */
export function rowNamed(column: Node, scope: Scope): Item | null {
  const { names, isStar } = referenceParts(column)
  const entry = entryNamed(scope, names)
  if (entry === null || isStar) return entry?.item ?? null
  const [name] = names
  if (names.length !== 1 || name === undefined) return null
  for (let level: Scope | null = scope; level !== null; level = level.outer)
    for (const { isOpen, item } of level.entries)
      if (isOpen && (!item.isComplete || fieldNamed(item, name) !== null || hasSystemColumn(item, name))) return null
  return entry.item
}

/** The entry that a qualifier means: an item's name, or a relation's with its schema, and maybe its database. */
export function entryNamed(scope: Scope, qualifier: readonly string[]): Entry | null {
  const [name, schema] = [qualifier.at(-1), qualifier.at(-2)]
  for (let level: Scope | null = scope; level !== null; level = level.outer) {
    const entry = level.entries.find(each =>
      each.isNamed && each.name === name
        ? schema === undefined || (!each.isAliased && each.item.relations.some(relation => relation.schema === schema))
        : false,
    )
    if (entry !== undefined) return entry
  }
  return null
}

/** A column of something that isn't there: the server refuses it, or names have a meaning here that isn't known. */
function strange(binder: Binder, schema: string, name: string, column: string, place: Place): Flow {
  const flow = newLeaf(binder, { schema, name, column }, place)
  flow.isUnknown = true
  return flow
}

/** A bare name that nothing has: of any relation in sight, should the catalog be a moment too old. */
function unseen(binder: Binder, name: string, scope: Scope, place: Place): Flow {
  const flow = newFlow(binder, place)
  flow.isUnknown = true
  for (let level: Scope | null = scope; level !== null; level = level.outer)
    for (const { isOpen, item } of level.entries)
      if (isOpen && item.relations.length > 0) flow.from.push(restOf(binder, item, name, place))
  return flow
}

function together(binder: Binder, flows: readonly Flow[], place: Place): Flow {
  const flow = newFlow(binder, place)
  for (const each of flows) flow.from.push(each)
  return flow
}
