import type { Engine } from './engine.ts'
import type { Invariant } from './invariant.ts'
import { seek } from './search.ts'
import { type Selection, selects } from './selection.ts'
import type { Asker } from './situations.ts'

/** Who must never get what. Without any condition: nothing at all. */
export interface NeverAllowed extends Selection {
  readonly as: Asker
  /** `true`: not with a person's approval either. */
  readonly evenApproved?: boolean
}

/**
 * Nobody who is as given is allowed a statement that does any of this, in any way in which it can be written.
 *
 * `relations` names relations as statements use them. `columns` reaches through views: a statement that may touch such a
 * column, or of which it isn't known, is met.
 *
 * @example
 * await check(neverAllows(engine, { as: { groups: ['ai-agents'] }, effects: ['write', 'ddl'] }))
 */
export function neverAllows(engine: Engine, { as, evenApproved = false, ...selection }: NeverAllowed): Invariant {
  const isSelected = selects(selection)
  return {
    name: evenApproved ? 'never allows, nor asks' : 'never allows',
    search: runs =>
      seek(
        {
          engine,
          asker: as,
          selection,
          concerns: ({ facts }) => isSelected(facts),
          wrong: ({ decision }) => {
            if (decision.kind === 'allow') return 'this must never be allowed'
            return decision.kind === 'approve' && evenApproved ? 'this must not be had by approval either' : null
          },
        },
        runs,
      ),
  }
}
