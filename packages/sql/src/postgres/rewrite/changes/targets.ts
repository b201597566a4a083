import { type MaskedColumn, type MaskedRelation, relationKey } from '@querywarden/policy-core'
import type { Entry, Item } from '../../names/scope.ts'
import type { Impossible } from '../impossible.ts'
import { disagreement, placeAt } from '../impossible.ts'
import { usesByPlace } from '../match-uses.ts'
import type { ChangesInput } from './plan-targets.ts'
import type { Sightings } from './sightings.ts'

/** A relation with masked columns that a statement, or one within it, changes. */
export interface Target {
  readonly masked: MaskedRelation
  readonly entry: Entry
  readonly columns: ReadonlyMap<string, MaskedColumn>
}

/** The masked relations that a statement changes, by what its names find them as. */
export function targetsIn(
  { facts, masks, survey }: Pick<ChangesInput, 'facts' | 'masks' | 'survey'>,
  sightings: Sightings,
): ReadonlyMap<Item, Target> | Impossible {
  const masked = new Map(masks.map(each => [relationKey(each.relation), each]))
  const uses = usesByPlace(facts.uses)
  const targets = new Map<Item, Target>()
  for (const range of survey.ranges) {
    if (range.position !== 'target') continue
    const relation = uses.get(range.location)?.flatMap(use => masked.get(relationKey(use.relation)) ?? [])[0]
    if (relation === undefined) continue
    const entry = sightings.written.get(range.node)
    // TRUNCATE, LOCK and COPY FROM name no columns that are read.
    if (entry === undefined) continue
    const [found, second] = entry.item.relations
    if (found === undefined || second !== undefined || relationKey(found) !== relationKey(relation.relation)) {
      return disagreement(`it is not clear what \`${range.name}\` stands for`, placeAt(range.location))
    }
    const columns = new Map(relation.columns.map(column => [column.column.name, column]))
    targets.set(entry.item, { masked: relation, entry, columns })
  }
  return targets
}
