import type { Catalog } from '@querywarden/policy-core'
import { bindNames } from '../../names/bind.ts'
import type { Flow } from '../../names/flow.ts'
import type { Entry, Item } from '../../names/scope.ts'
import type { Sighting } from '../../names/watch.ts'
import { type Node, numberAt, type TypedNode } from '../../node.ts'
import type { Places } from '../../places.ts'

/** A value that is assigned to a column of a row that is there. */
export interface Assignment {
  readonly target: Item
  /** The ResTarget: the column's name, and the value. */
  readonly column: Node
  /** What the value is made of. */
  readonly value: Flow
}

/** What the names of a statement mean, reference by reference. */
export interface Sightings {
  /** By the byte that a reference begins at; more than one where it was looked up more than once. */
  readonly byLocation: ReadonlyMap<number, readonly Sighting[]>
  /** What the relations in FROM go by, by the byte that each is named at. */
  readonly read: ReadonlyMap<number, readonly Entry[]>
  /** What the statement, or one within it, writes to: what its names go by, by its RangeVar. */
  readonly written: ReadonlyMap<Node, Entry>
  /** What the rows go by that a statement itself would have inserted, and what their columns would have been. */
  readonly proposed: ReadonlyMap<Entry, ReadonlyMap<string, Flow>>
  readonly assignments: readonly Assignment[]
}

/** What the names of a statement mean; null where they lead to more values than can be followed. */
export type SightingsOf = () => Sightings | null

/** Binds the names of a statement when it is first asked what they mean, and but once. */
export function sightingsOnDemand(statement: TypedNode, catalog: Catalog, places: Places): SightingsOf {
  let known: Sightings | null | undefined
  return () => {
    if (known === undefined) known = sightingsIn(statement, catalog, places)
    return known
  }
}

function sightingsIn(statement: TypedNode, catalog: Catalog, places: Places): Sightings | null {
  const byLocation = new Map<number, Sighting[]>()
  const read = new Map<number, Entry[]>()
  const written = new Map<Node, Entry>()
  const proposed = new Map<Entry, ReadonlyMap<string, Flow>>()
  const assignments: Assignment[] = []
  const names = bindNames(statement, catalog, places, {
    saw: (reference, sighting) => {
      const location = numberAt(reference, 'location')
      const known = byLocation.get(location)
      if (known === undefined) byLocation.set(location, [sighting])
      else known.push(sighting)
    },
    reads: (range, entry) => {
      const location = numberAt(range, 'location')
      read.set(location, [...(read.get(location) ?? []), entry])
    },
    writes: (range, entry) => written.set(range, entry),
    proposes: (entry, values) => proposed.set(entry, values),
    assigns: (target, column, value) => assignments.push({ target, column, value }),
  })
  return names === null ? null : { byLocation, read, written, proposed, assignments }
}
