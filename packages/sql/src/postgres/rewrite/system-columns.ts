import { type MaskedRelation, relationKey } from '@querywarden/policy-core'
import type { Sightings, SightingsOf } from './changes/sightings.ts'
import type { Survey, SystemColumn } from './survey.ts'

/** Which transaction wrote a row says nothing of what is in it. Where it is stored may: long values need more room. */
const OF_TRANSACTIONS: ReadonlySet<string> = new Set(['xmin', 'xmax', 'cmin', 'cmax'])

/**
 * A system column that a statement can't have: what stands for a relation with masked columns has none, and of one that is
 * changed in place only those are shown that tell nothing (`RETURNING xmax = 0`). Null where there is no such column.
 */
export function hiddenSystemColumn(
  { systemColumns }: Survey,
  masks: readonly MaskedRelation[],
  sightingsOf: SightingsOf,
): SystemColumn | null {
  if (systemColumns.length === 0) return null
  const sightings = sightingsOf()
  const masked = new Set(masks.map(({ relation }) => relationKey(relation)))
  return systemColumns.find(column => sightings === null || !isShown(column, sightings, masked)) ?? null
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
