import { type Lookup, relationKey } from '@querywarden/policy-core'
import { type ChangesInput, planTargets } from './changes/plan-targets.ts'
import { whyProbing } from './changes/probes.ts'
import type { SightingsOf } from './changes/sightings.ts'
import { type Impossible, impossible } from './impossible.ts'
import { planLookups } from './lookups/plan-lookups.ts'
import type { Change } from './rewrite-ranges.ts'

/** What changes for what the names of a statement mean, besides that its relations are rewritten. */
export interface ByNames {
  readonly changes: readonly (Change | Impossible)[]
  readonly lookups: readonly Lookup[]
}

const NOTHING: ByNames = { changes: [], lookups: [] }

/** Plans what masked relations need where they are changed in place, and the lookups in columns under `equality`. */
export function planByNames(input: ChangesInput, sightingsOf: SightingsOf): ByNames {
  const { facts, masks } = input
  const names = new Set(masks.map(({ relation }) => relationKey(relation)))
  const writes = facts.columns.some(use => use.role === 'target' && names.has(relationKey(use)))
  const changes = facts.uses.some(
    use => use.kind === 'relation' && use.access in CHANGES && names.has(relationKey(use.relation)),
  )
  const looksUp = masks.some(({ columns }) => columns.some(({ predicates }) => predicates === 'equality'))
  if (!writes && !changes && !looksUp) return NOTHING
  const probing = whyProbing(input)
  if (probing !== null) return { changes: [probing], lookups: [] }
  const sightings = sightingsOf()
  if (sightings === null) {
    return { changes: [impossible('its names lead to too many columns', 'send it in parts')], lookups: [] }
  }
  const { changes: hashed, lookups } = looksUp ? planLookups(input, sightings) : NOTHING
  return { changes: [...planTargets(input, sightings), ...hashed], lookups }
}

const CHANGES = { insert: true, update: true, delete: true }
