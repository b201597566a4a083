import { relationKey } from './catalog.ts'
import type { UsedRelation } from './facts.ts'
import type { MaskedRelation } from './mask.ts'
import type { Standing } from './policy/standing.ts'

type Masks = Pick<Standing, 'maskedColumns' | 'ownMasks'>

/** A relation with its masks; of a view also those that are on its own columns and not on what it reads. */
export function maskedRelation(masks: Masks, relation: UsedRelation): MaskedRelation {
  const columns = masks.maskedColumns(relation)
  return relation.view === undefined ? { relation, columns } : { relation, columns, own: masks.ownMasks(relation) }
}

/**
 * The relations that a view reads, through views that it reads too, of which the policy masks a column: what is put in the
 * place of a view is made of them. Views without masked columns stand there as well where they lead to such a relation.
 * Empty for what is no view.
 *
 * @example
 * maskedBehind(policy.for(principal, target), use.relation)
 */
export function maskedBehind(masks: Masks, view: UsedRelation): readonly MaskedRelation[] {
  if (view.view === undefined) return []
  const found: MaskedRelation[] = []
  const seen = new Set([relationKey(view)])
  const isMaskedIn = (relation: UsedRelation): boolean => {
    let isMasked = false
    for (const read of relation.view?.reads ?? []) {
      const key = relationKey(read)
      const isKnown = seen.has(key)
      if (isKnown) isMasked ||= found.some(each => relationKey(each.relation) === key)
      if (isKnown) continue
      seen.add(key)
      const isBehind = isMaskedIn(read)
      if (!isBehind && masks.maskedColumns(read).length === 0) continue
      found.push(maskedRelation(masks, read))
      isMasked = true
    }
    return isMasked
  }
  isMaskedIn(view)
  return found
}
