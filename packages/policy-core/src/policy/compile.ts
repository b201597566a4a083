import { PolicyError } from '../errors.ts'
import type { Instant, Principal } from '../principal.ts'
import type { Target } from '../target.ts'
import { unsafeIssues } from './check-policy.ts'
import { compileCover } from './mask-cover.ts'
import { compileWhat } from './match-what.ts'
import type { Policy } from './policy.ts'
import { type Moment, ruleClock } from './rule-clock.ts'
import { type CompiledRule, type RuleIndex, ruleIndex } from './rule-index.ts'
import { type PolicyParts, type Standing, standingOf } from './standing.ts'

/** A policy made ready to decide by. */
export interface CompiledPolicy {
  /** The caller's name for exactly this policy, a digest of its text as a rule. Approvals and recordings carry it. */
  readonly version: string
  readonly policy: Policy
  /**
   * What it holds for one principal on one target. Remembered for as long as the principal is, and the same object for as
   * long as the same rules hold: what was decided by another one is out of date. Without a time, rules that depend on it
   * count against allowing.
   */
  readonly for: (principal: Principal, target: Target, now?: Instant) => Standing
  /** The first moment after `now` at which other rules may hold; infinite where no rule depends on the time. */
  readonly steadyUntil: (now: Instant) => Instant
}

/**
 * Prepares a policy once, so that deciding only looks up.
 *
 * @throws {PolicyError} `INVALID` for a policy that can't be decided by soundly. One from `parsePolicy` always can.
 * @example
 * const policy = compilePolicy(parsePolicy(input), { version: 'sha256:9f2c' })
 * const decision = decide(policy, { principal, target, facts, now: Date.now() })
 */
export function compilePolicy(policy: Policy, { version }: { readonly version: string }): CompiledPolicy {
  const issues = unsafeIssues(policy)
  if (issues.length > 0) throw new PolicyError(issues)
  const parts = partsOf(policy)
  const clock = ruleClock(policy.rules)
  const standings = new WeakMap<Principal, Map<string, { readonly moment: Moment; readonly standing: Standing }>>()
  return {
    version,
    policy,
    for: (principal, target, now = Number.NaN) => {
      const moment = clock.at(now)
      let known = standings.get(principal)
      if (known === undefined) {
        known = new Map()
        standings.set(principal, known)
      }
      const last = known.get(target.name)
      if (last?.moment === moment) return last.standing
      const standing = standingOf(parts, principal, target.name, moment)
      known.set(target.name, { moment, standing })
      return standing
    },
    steadyUntil: clock.steadyUntil,
  }
}

function partsOf(policy: Policy): PolicyParts {
  // By id, so that nothing that a decision says can depend on the order of the rules.
  const rules = [...policy.rules]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((rule): CompiledRule => ({ rule, what: compileWhat(rule) }))
  return {
    rules,
    masks: policy.masks.map((entry, index) => ({
      entry,
      index,
      cover: compileCover(entry),
    })),
    limits: policy.limits,
    record: policy.record ?? [],
    indexOf: sharedIndexes(rules),
  }
}

/** How many sets of rules are kept arranged. People fall into few sorts. */
const INDEXES_MAX = 256

/** Arranges the same rules once, whoever they are for. */
function sharedIndexes(all: readonly CompiledRule[]): (rules: readonly CompiledRule[]) => RuleIndex {
  const places = new Map(all.map((rule, place) => [rule, place]))
  const known = new Map<string, RuleIndex>()
  return rules => {
    const bits = new Uint16Array(Math.ceil(all.length / 16))
    for (const rule of rules) {
      const place = places.get(rule) ?? 0
      bits[place >> 4] = (bits[place >> 4] ?? 0) | (1 << (place & 15))
    }
    const key = Array.from(bits, word => String.fromCharCode(word)).join('')
    const index = known.get(key) ?? ruleIndex(rules)
    if (!known.has(key) && known.size >= INDEXES_MAX) known.clear()
    known.set(key, index)
    return index
  }
}
