import type { Place } from '@querywarden/policy-core'
import { flagAt, type Node, nodeAt, stringOf, textAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow, spend } from './binder.ts'
import { type Flow, roleBit } from './flow.ts'
import { derivedItem, entryOf, flowOf, restOf } from './items.ts'
import type { Entry, Field, Item } from './scope.ts'

interface SideColumn {
  readonly field: Field
  readonly item: Item
}

/** One side of a join: what is open in it. */
interface Side {
  readonly columns: readonly SideColumn[]
  readonly byName: ReadonlyMap<string, SideColumn>
  /** Those with columns that aren't known. */
  readonly unknown: readonly Item[]
}

/**
 * What stands for a join in its scope, besides the entries of its sides: null where these say it all, because nothing is
 * merged or renamed.
 */
export function joinEntries(
  binder: Binder,
  join: Node,
  left: readonly Entry[],
  right: readonly Entry[],
  place: Place,
): readonly Entry[] | null {
  const isNatural = flagAt(join, 'isNatural')
  const using = typedNodesAt(join, 'usingClause').flatMap(name => stringOf(name) ?? [])
  const alias = nodeAt(join, 'alias')
  if (!isNatural && using.length === 0 && alias === null) return null
  const sides = [sideOf(binder, left), sideOf(binder, right)] as const
  const names = isNatural ? commonNames(binder, sides, place) : new Set(using)
  const merged = [...names].map(name => mergedField(binder, join, sides, name, place))
  const rest = sides.flatMap(side =>
    side.columns
      .filter(({ field }) => !names.has(field.name))
      .map(({ field, item }) => openField(binder, item, ofItem(binder, item, field))),
  )
  const isComplete = sides.every(side => side.unknown.length === 0)
  const item: Item = {
    ...derivedItem({ fields: [...merged, ...rest], isComplete }),
    rest: isComplete ? null : unknownRest(binder, sides, place),
    relations: sides.flatMap(side => side.unknown.flatMap(each => each.relations)),
    rowTypes: isComplete ? [] : 'any',
  }
  const usingAlias = nodeAt(join, 'join_using_alias')
  const named = usingAlias === null ? '' : textAt(usingAlias, 'aliasname')
  const entry = entryOf(join, item, '')
  if (named === '') return [entry]
  const mergedItem = derivedItem({ fields: merged, isComplete: true })
  return [entry, { name: named, item: mergedItem, isNamed: true, isOpen: false, isAliased: true }]
}

function sideOf(binder: Binder, entries: readonly Entry[]): Side {
  const open = entries.filter(entry => entry.isOpen)
  const columns = open.flatMap(({ item }) => item.fields.map(field => ({ field, item })))
  spend(binder, columns.length)
  const byName = new Map(columns.map(column => [column.field.name, column]))
  return { columns, byName, unknown: open.flatMap(({ item }) => (item.isComplete ? [] : item)) }
}

/** A field as the join shows it: still a leaf wherever it is named. */
const openField = (binder: Binder, item: Item, field: Field): Field =>
  field.flow !== null || field.column !== null
    ? field
    : { ...field, flow: restOf(binder, item, '*', binder.places.whole) }

/** Notes whose column it is, for who asks. */
const ofItem = (binder: Binder, item: Item, field: Field): Field =>
  binder.watch === null ? field : { of: item, ...field }

/** What NATURAL joins by. Of sides whose columns aren't all known, any column may be one of them. */
function commonNames(binder: Binder, [left, right]: readonly [Side, Side], place: Place): ReadonlySet<string> {
  const isUnknown = left.unknown.length > 0 || right.unknown.length > 0
  if (isUnknown)
    for (const side of [left, right]) {
      for (const { field, item } of side.columns) flowOf(binder, item, field, place).roles |= JOIN
      for (const item of side.unknown) restOf(binder, item, '*', place).roles |= JOIN
    }
  return new Set(left.columns.flatMap(({ field }) => (right.byName.has(field.name) ? field.name : [])))
}

const JOIN = roleBit('join')

/** A column that two sides share: both are compared, and an inner or one-sided join shows the one (manual, 7.2.1.1). */
function mergedField(
  binder: Binder,
  join: Node,
  [left, right]: readonly [Side, Side],
  name: string,
  place: Place,
): Field {
  const pair = [sideField(binder, left, name, place), sideField(binder, right, name, place)] as const
  for (const { flow } of pair) flow.roles |= JOIN
  const [first, second] = textAt(join, 'jointype') === 'JOIN_RIGHT' ? [pair[1], pair[0]] : pair
  if (textAt(join, 'jointype') !== 'JOIN_FULL' && isSameType(first.field, second.field)) {
    const { field } = first
    // A relation's column stays a leaf wherever it is named.
    if (field !== null) return { ...field, name }
  }
  const flow = newFlow(binder, place)
  flow.from.push(first.flow, second.flow)
  return { name, flow, column: null, used: null }
}

const isSameType = (one: Field | null, other: Field | null): boolean =>
  one?.used != null &&
  other?.used != null &&
  one.used.typeOid === other.used.typeOid &&
  one.used.typmod === other.used.typmod

function sideField(
  binder: Binder,
  side: Side,
  name: string,
  place: Place,
): { readonly flow: Flow; readonly field: Field | null } {
  const found = side.byName.get(name)
  if (found !== undefined)
    return { flow: flowOf(binder, found.item, found.field, place), field: ofItem(binder, found.item, found.field) }
  const flow = newFlow(binder, place)
  flow.isUnknown = true
  for (const item of side.unknown) flow.from.push(restOf(binder, item, name, place))
  return { flow, field: null }
}

function unknownRest(binder: Binder, sides: readonly Side[], place: Place): Flow {
  const flow = newFlow(binder, place)
  flow.isUnknown = true
  for (const { unknown } of sides) for (const { rest } of unknown) if (rest !== null) flow.from.push(rest)
  return flow
}
