import type { Engine } from './engine.ts'
import type { Invariant } from './invariant.ts'
import { seek } from './search.ts'
import { type Selection, selects } from './selection.ts'
import type { Asker } from './situations.ts'

/** Who must ask for what. */
export interface ApprovalRequired extends Selection {
  readonly as: Asker
  /** The groups whose members may answer; by default whoever the policy says. */
  readonly approvers?: readonly string[]
}

/**
 * Nobody who is as given gets a statement that does any of this without a person's approval; and some such statement can be
 * had with it, since what is always refused needs no approver.
 *
 * @example
 * await check(requiresApproval(engine, { as: { groups: ['ai-agents'] }, effects: ['write'], approvers: ['dba'] }))
 */
export function requiresApproval(engine: Engine, { as, approvers, ...selection }: ApprovalRequired): Invariant {
  const isSelected = selects(selection)
  return {
    name: 'requires approval',
    search: async runs => {
      let asked = 0
      const finding = await seek(
        {
          engine,
          asker: as,
          selection,
          concerns: ({ facts }) => isSelected(facts),
          wrong: ({ decision }) => {
            if (decision.kind === 'allow') return 'this must not be allowed without an approval'
            if (decision.kind === 'deny') return null
            asked += 1
            // An approver needs one of each list, so one list of these groups alone is enough.
            const { approverGroups } = decision.terms
            const isTheirs =
              approvers === undefined || approverGroups.some(list => list.every(group => approvers.includes(group)))
            return isTheirs ? null : `this may be approved by people outside of ${approvers.join(', ')}`
          },
        },
        runs,
      )
      if (finding.kind !== 'holds' || asked > 0) return finding
      const report = `  all of the statements that this is about are refused: no approval is ever asked for`
      return { kind: 'broken', report, counterexample: null }
    },
  }
}
