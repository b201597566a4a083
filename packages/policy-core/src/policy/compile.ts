import { PolicyError } from '../errors.ts'
import type { Principal } from '../principal.ts'
import type { Target } from '../target.ts'
import { unsafeIssues } from './check-policy.ts'
import { compilePatterns, compileWhat } from './match.ts'
import type { Policy } from './policy.ts'
import { type PolicyParts, type Standing, standingOf } from './standing.ts'

/** A policy made ready to decide by. */
export interface CompiledPolicy {
  /** The caller's name for exactly this policy, a digest of its text as a rule. Approvals and recordings carry it. */
  readonly version: string
  readonly policy: Policy
  /** What it holds for one principal on one target. Remembered for as long as the principal is. */
  readonly for: (principal: Principal, target: Target) => Standing
}

/**
 * Prepares a policy once, so that deciding only looks up.
 *
 * @throws {PolicyError} `INVALID` for a policy that can't be decided by soundly. One from `parsePolicy` always can.
 * @example
 * const policy = compilePolicy(parsePolicy(input), { version: 'sha256:9f2c' })
 * const decision = decide(policy, { principal, target, facts })
 */
export function compilePolicy(policy: Policy, { version }: { readonly version: string }): CompiledPolicy {
  const issues = unsafeIssues(policy)
  if (issues.length > 0) throw new PolicyError(issues)
  const parts: PolicyParts = {
    // By id, so that nothing that a decision says can depend on the order of the rules.
    rules: [...policy.rules].sort((a, b) => (a.id < b.id ? -1 : 1)).map(rule => ({ rule, matches: compileWhat(rule) })),
    masks: policy.masks.map((entry, index) => ({
      entry,
      index,
      columns: entry.kind === 'columns' ? compilePatterns(entry.columns, 3) : [],
    })),
    limits: policy.limits,
  }
  const standings = new WeakMap<Principal, Map<string, Standing>>()
  return {
    version,
    policy,
    for: (principal, target) => {
      const known = standings.get(principal) ?? new Map<string, Standing>()
      const standing = known.get(target.name) ?? standingOf(parts, principal, target.name)
      standings.set(principal, known.set(target.name, standing))
      return standing
    },
  }
}
