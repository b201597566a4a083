import { type Catalog, type Facts, type MaskedRelation, relationKey, type UsedRelation } from '@querywarden/policy-core'
import { asUsed } from '../relations.ts'

/*
 * Both sides of a thread have the catalog: definitions of views, and what they read in turn, don't go to and fro with every
 * relation that a statement names.
 */

const cut = ({ view, ...relation }: UsedRelation): UsedRelation => relation

/** A relation that came from another thread, with the definition that the catalog has. A use may be of some of the columns only. */
export function restored(relation: UsedRelation, { relations }: Catalog): UsedRelation {
  if (relation.kind !== 'derived') return relation
  const known = relations.get(relationKey(relation))
  const view = known === undefined ? undefined : asUsed(known).view
  return view === undefined ? relation : { ...relation, view }
}

const mapped = (facts: Facts, change: (relation: UsedRelation) => UsedRelation): Facts =>
  facts.kind === 'opaque'
    ? facts
    : {
        ...facts,
        uses: facts.uses.map(use => (use.kind === 'relation' ? { ...use, relation: change(use.relation) } : use)),
      }

/** Facts as they go to another thread. */
export const cutFacts = (facts: Facts): Facts => mapped(facts, cut)

/** Facts that came from another thread. */
export const restoredFacts = (facts: Facts, catalog: Catalog): Facts =>
  mapped(facts, relation => restored(relation, catalog))

/** Masked relations as they go to another thread. */
export const cutMasks = (masks: readonly MaskedRelation[]): readonly MaskedRelation[] =>
  masks.map(masked => ({ ...masked, relation: cut(masked.relation) }))
