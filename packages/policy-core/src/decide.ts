import { maskObligations } from './decide-masks.ts'
import { cannotMask, doesNothing, notUnderstood, prohibited, ruledOut } from './decide-refusals.ts'
import { approvalTerms } from './decide-terms.ts'
import { type Ruling, ruleOn, strictestOf } from './decide-use.ts'
import type { Decision, Reason, Refusal } from './decision.ts'
import type { Facts } from './facts.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { Principal } from './principal.ts'
import type { Target } from './target.ts'

export type { CompiledPolicy } from './policy/compile.ts'

/** Who asks for what, and where. */
export interface DecisionRequest {
  readonly principal: Principal
  readonly target: Target
  readonly facts: Facts
}

/**
 * The policy's answer for one statement: the strictest answer over everything it does. Deny trumps approve, approve
 * trumps allow, and what no rule allows is denied. Pure and total; the order of rules means nothing.
 *
 * @example
 * const decision = decide(policy, { principal, target, facts: classify(statement, catalog) })
 * if (decision.kind === 'deny') throw new Forbidden(decision.refusal)
 */
export function decide(policy: CompiledPolicy, { principal, target, facts }: DecisionRequest): Decision {
  if (facts.kind === 'opaque') return deny(notUnderstood(facts), [])

  const standing = policy.for(principal, target)
  const rulings = facts.uses.map(use => ruleOn(standing, use, facts.tag))
  const reasons = reasonsOf(rulings)

  const prohibition = facts.prohibitions[0]
  if (prohibition !== undefined) return deny(prohibited(prohibition), reasons)

  const answer = strictestOf(rulings)
  if (answer === null) return deny(doesNothing(), reasons)
  if (answer === 'deny') return deny(ruledOut(rulings), reasons)

  const masking = maskObligations(standing, facts)
  if (masking.kind === 'impossible') return deny(cannotMask(masking), reasons)

  const obligations = { masks: masking.masks, detect: standing.detect, limits: standing.limits }
  if (answer === 'allow') return { kind: 'allow', obligations, reasons }
  return { kind: 'approve', terms: approvalTerms(rulings), obligations, reasons }
}

const deny = (refusal: Refusal, reasons: readonly Reason[]): Decision => ({ kind: 'deny', refusal, reasons })

/** One reason a use; what a statement does twice in the same way is explained once. */
function reasonsOf(rulings: readonly Ruling[]): readonly Reason[] {
  const seen = new Map<string, Reason>()
  for (const { described, answer, rules, use } of rulings) {
    const key = JSON.stringify([described, answer, rules.map(({ id }) => id)])
    if (!seen.has(key)) seen.set(key, { use: described, answer, rules: rules.map(({ id }) => id), place: use.place })
  }
  return [...seen.values()]
}
