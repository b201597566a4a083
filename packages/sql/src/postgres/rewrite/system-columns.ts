import { type Catalog, type MaskedRelation, relationKey } from '@querywarden/policy-core'
import type { TypedNode } from '../node.ts'
import type { Places } from '../places.ts'
import { type Sightings, sightingsIn } from './changes/sightings.ts'
import type { Survey, SystemColumn } from './survey.ts'

interface Input {
  readonly masks: readonly MaskedRelation[]
  readonly catalog: Catalog
  readonly places: Places
  readonly survey: Survey
  readonly statement: TypedNode
}

/** Which transaction wrote a row says nothing of what is in it. Where it is stored may: long values need more room. */
const OF_TRANSACTIONS: ReadonlySet<string> = new Set(['xmin', 'xmax', 'cmin', 'cmax'])

/**
 * A system column that a statement can't have: what stands for a relation with masked columns has none, and of one that is
 * changed in place only those are shown that tell nothing (`RETURNING xmax = 0`). Null where there is no such column.
 */
export function hiddenSystemColumn({ masks, catalog, places, survey, statement }: Input): SystemColumn | null {
  if (survey.systemColumns.length === 0) return null
  const sightings = sightingsIn(statement, catalog, places)
  const masked = new Set(masks.map(({ relation }) => relationKey(relation)))
  return survey.systemColumns.find(column => sightings === null || !isShown(column, sightings, masked)) ?? null
}

function isShown({ name, location, isReference }: SystemColumn, sightings: Sightings, masked: ReadonlySet<string>) {
  const seen = isReference ? (sightings.byLocation.get(location) ?? []) : []
  const written = new Set([...sightings.written.values()].map(({ item }) => item))
  return (
    seen.length > 0 &&
    seen.every(sighting => {
      if (sighting.kind !== 'column' || sighting.field.name !== name) return false
      const { entry } = sighting
      const [relation, second] = entry.item.relations
      if (relation === undefined || second !== undefined || sightings.proposed.has(entry)) return false
      return !masked.has(relationKey(relation)) || (written.has(entry.item) && OF_TRANSACTIONS.has(name))
    })
  )
}
