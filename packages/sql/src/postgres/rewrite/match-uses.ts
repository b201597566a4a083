import {
  type Facts,
  type MaskedRelation,
  type Place,
  relationKey,
  type Use,
  type UsedRelation,
} from '@querywarden/policy-core'
import { disagreement, type Impossible, impossible, placeAt } from './impossible.ts'
import type { Range, Survey } from './survey.ts'

/** What the classifier saw, what must be masked, and what the survey found. */
export interface MatchInput {
  readonly facts: Extract<Facts, { kind: 'understood' }>
  readonly masks: readonly MaskedRelation[]
  readonly survey: Survey
}

/**
 * Holds what the classifier saw against the survey's own reading of the tree, and gives the ranges to rewrite. Each
 * masked use must be at a range of that name; each range of such a name must be a known use, or a WITH query.
 */
export function matchUses({ facts, masks, survey }: MatchInput): Map<Range, MaskedRelation> | Impossible {
  const masked = new Map(masks.map(each => [relationKey(each.relation), each]))
  const uses = usesByPlace(facts.uses)
  const rewritten = new Map<Range, MaskedRelation>()
  const seen = new Set<number>()
  for (const range of survey.ranges) {
    const used = uses.get(range.location) ?? []
    const place: Place = used[0]?.place ?? placeAt(range.location)
    const relation = used.flatMap(use => masked.get(relationKey(use.relation)) ?? [])[0]
    if (relation === undefined) {
      const isNamedLike = masks.some(each => isName(range, each.relation))
      if (isNamedLike && !range.isCte && used.length === 0) {
        return disagreement(`a relation named \`${range.name}\` is used in a way that is not known`, place)
      }
      continue
    }
    seen.add(range.location)
    if (range.isCte || !isName(range, relation.relation) || !isOneRelation(used)) {
      return disagreement(`it is not clear what \`${range.name}\` stands for`, place)
    }
    const problem = whyNotHere(range, place)
    if (problem !== null) return problem
    if (range.position !== 'target') rewritten.set(range, relation)
  }
  for (const [start, used] of uses) {
    if (!seen.has(start) && used.some(use => masked.has(relationKey(use.relation)))) {
      return disagreement('a masked relation is used where the grammar shows none', used[0]?.place ?? null)
    }
  }
  return rewritten
}

/** A use of a relation. */
export type RelationUse = Extract<Use, { kind: 'relation' }>

/** The relations that a statement names, by the byte that they are named at. What code of the database works on has no name there. */
export function usesByPlace(uses: readonly Use[]): ReadonlyMap<number, readonly RelationUse[]> {
  const places = new Map<number, RelationUse[]>()
  for (const use of uses) {
    if (use.kind !== 'relation' || use.via !== undefined) continue
    const known = places.get(use.place.start)
    if (known === undefined) places.set(use.place.start, [use])
    else known.push(use)
  }
  return places
}

const isName = (range: Range, relation: UsedRelation): boolean =>
  range.name === relation.name && (range.schema === '' || range.schema === relation.schema)

const isOneRelation = (uses: readonly RelationUse[]): boolean =>
  new Set(uses.map(use => relationKey(use.relation))).size === 1

function whyNotHere(range: Range, place: Place): Impossible | null {
  const name = `\`${range.name}\``
  if (range.position === 'other') {
    return impossible(`${name} has masked columns and can not be rewritten here`, 'read it in FROM', place)
  }
  return null
}
