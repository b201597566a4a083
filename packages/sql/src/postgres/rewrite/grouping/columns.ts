import type { MaskedRelation } from '@querywarden/policy-core'
import type { Entry, Field, Item } from '../../names/scope.ts'
import type { Sighting } from '../../names/watch.ts'
import { type Node, numberAt } from '../../node.ts'
import type { Sightings } from '../changes/sightings.ts'

/** A relation in FROM that is rewritten, and has a primary key. */
export interface Keyed {
  readonly masked: MaskedRelation
  readonly key: readonly string[]
  readonly entry: Entry
}

/** Those of one SELECT's own FROM, by what the binder knows them as. */
export type KeyedItems = ReadonlyMap<Item, Keyed>

/** A column of one of them, by the name that the relation has for it. */
export interface KeyedColumn {
  readonly item: Item
  readonly column: string
}

/** Which column of a keyed relation a field is, unchanged, under whatever name a join or an alias shows it. */
export function keyedColumn(entry: Entry, field: Field, keyed: KeyedItems): KeyedColumn | null {
  const item = field.of ?? entry.item
  if (field.column === null || field.through !== undefined || !keyed.has(item)) return null
  return { item, column: field.column.column }
}

/** What was seen at a reference, of that SELECT. The tree of `SET (a, b) = (SELECT …)` has the query once for each column. */
export const seenAt = (reference: Node, { byLocation }: Sightings, keyed: KeyedItems): readonly Sighting[] =>
  (byLocation.get(numberAt(reference, 'location')) ?? []).filter(sighting =>
    entriesOf(sighting).some(({ item }) => keyed.has(item) || item.fields.some(({ of }) => of && keyed.has(of))),
  )

function entriesOf(sighting: Sighting): readonly Entry[] {
  if (sighting.kind === 'star') return sighting.entries
  return sighting.kind === 'column' || sighting.kind === 'row' ? [sighting.entry] : []
}
