import type { ChangesInput } from '../changes/plan-targets.ts'
import type { Sightings } from '../changes/sightings.ts'
import type { ByNames } from '../plan-by-names.ts'

export const planLookups = (_: ChangesInput, __: Sightings): ByNames => ({ changes: [], lookups: [] })
