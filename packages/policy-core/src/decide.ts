import { maskObligations } from './decide-masks.ts'
import { cannotMask, doesNothing, notUnderstood, prohibited, ruledOut } from './decide-refusals.ts'
import { approvalTerms } from './decide-terms.ts'
import { describeUse, type Ruling, ruleOn, strictestOf } from './decide-use.ts'
import type { Decision, Obligations, Reason, Refusal } from './decision.ts'
import type { Facts } from './facts.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { Matter, Surroundings } from './policy/match-what.ts'
import type { Standing } from './policy/standing.ts'
import type { Instant, Principal } from './principal.ts'
import type { Target } from './target.ts'

export type { CompiledPolicy } from './policy/compile.ts'

/** Who asks for what, and where. */
export interface DecisionRequest {
  readonly principal: Principal
  readonly target: Target
  readonly facts: Facts
  /** When; rules that depend on it count against allowing where it is absent or no time. */
  readonly now?: Instant
  /** What the statement's text doesn't say. What is absent is unknown, and counts against allowing where a rule asks. */
  readonly surroundings?: Partial<Surroundings>
}

/**
 * The policy's answer for one statement: the strictest answer over everything it does. Deny trumps approve, approve
 * trumps allow, and what no rule allows is denied. Pure and total; the order of rules means nothing.
 *
 * @example
 * const decision = decide(policy, { principal, target, facts: classify(statement, catalog) })
 * if (decision.kind === 'deny') throw new Forbidden(decision.refusal)
 */
export function decide(policy: CompiledPolicy, request: DecisionRequest): Decision {
  const { principal, target, facts, now } = request
  if (facts.kind === 'opaque') return deny(notUnderstood(facts), [])
  return decideBy(policy.for(principal, target, now), facts, surroundingsOf(request.surroundings))
}

/** Nothing is known. */
const UNKNOWN: Surroundings = { inTransaction: null, multiStatement: null, estimatedRows: null }

export const surroundingsOf = (given: Partial<Surroundings> | undefined): Surroundings =>
  given === undefined ? UNKNOWN : { ...UNKNOWN, ...given }

/** Decides by what the policy holds for somebody already. */
export function decideBy(standing: Standing, facts: Matter['facts'], surroundings: Surroundings): Decision {
  const matter: Matter = { facts, surroundings }
  const rulings: Ruling[] = []
  for (const use of facts.uses) rulings.push(ruleOn(standing, use, matter))
  const reasons = reasonsOf(rulings, facts.tag)

  const prohibition = facts.prohibitions[0]
  if (prohibition !== undefined) return deny(prohibited(prohibition), reasons)

  const answer = strictestOf(rulings)
  if (answer === null) return deny(doesNothing(), reasons)
  if (answer === 'deny') return deny(ruledOut(rulings, facts.tag), reasons)

  const masking = maskObligations(standing, facts)
  if (masking.kind === 'impossible') return deny(cannotMask(masking), reasons)

  const { detect, limits, rows } = standing
  const obligations: Obligations =
    rows === null ? { masks: masking.masks, detect, limits } : { masks: masking.masks, detect, limits, rows }
  if (answer === 'allow') return { kind: 'allow', obligations, reasons }
  return { kind: 'approve', terms: approvalTerms(rulings), obligations, reasons }
}

const deny = (refusal: Refusal, reasons: readonly Reason[]): Decision => ({ kind: 'deny', refusal, reasons })

/** One reason a use; what a statement does twice in the same way is explained once. */
function reasonsOf(rulings: readonly Ruling[], tag: string): readonly Reason[] {
  const reasons: Reason[] = []
  const seen = rulings.length > 1 ? new Set<string>() : null
  for (const { answer, rules, use } of rulings) {
    const reason = { use: describeUse(use, tag), answer, rules: rules.map(({ id }) => id), place: use.place }
    if (seen !== null) {
      const key = `${answer}\n${reason.use}\n${reason.rules.join('\n')}`
      if (seen.has(key)) continue
      seen.add(key)
    }
    reasons.push(use.via === undefined ? reason : { ...reason, via: use.via })
  }
  return reasons
}
