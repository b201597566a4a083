import type { Instant } from '../principal.ts'
import { compileWhen, type MatchWhen, steadyUntil } from './match-when.ts'
import type { Rule, When } from './policy.ts'

/** The rules that hold at some time. The same object for as long as they are the same. */
export interface Moment {
  readonly holds: (rule: Rule) => boolean
}

/** Tells which rules hold when. */
export interface RuleClock {
  readonly at: (now: Instant) => Moment
  /** The first moment after `now` at which other rules may hold; infinite where none depends on the time. */
  readonly steadyUntil: (now: Instant) => Instant
}

interface Timed {
  readonly rule: Rule
  readonly when: When
  readonly matches: MatchWhen
}

const ALWAYS: Moment = { holds: () => true }

/**
 * Watches the clock for all rules of a policy that depend on it. They are looked at again once a minute at most. A time
 * that isn't known counts against allowing.
 */
export function ruleClock(rules: readonly Rule[]): RuleClock {
  const timed = rules.flatMap((rule): Timed[] =>
    rule.when === null ? [] : [{ rule, when: rule.when, matches: compileWhen(rule.when) }],
  )
  if (timed.length === 0) return { at: () => ALWAYS, steadyUntil: () => Infinity }
  const edgeAfter = (now: Instant): Instant =>
    timed.reduce((edge, { when }) => Math.min(edge, steadyUntil(when, now)), Infinity)

  let known: {
    readonly moment: Moment
    readonly key: string
    readonly since: Instant
    readonly until: Instant
  } | null = null
  return {
    steadyUntil: edgeAfter,
    at: now => {
      if (known !== null && now >= known.since && now < known.until) return known.moment
      const silent = timed.filter(({ rule, matches }) => !(matches(now) ?? rule.decision !== 'allow'))
      const key = silent.map(({ rule }) => rule.id).join('\n')
      const moment = known?.key === key ? known.moment : momentWithout(silent)
      known = { moment, key, since: now, until: edgeAfter(now) }
      return moment
    },
  }
}

function momentWithout(silent: readonly Timed[]): Moment {
  const rules = new Set(silent.map(({ rule }) => rule))
  return { holds: rule => !rules.has(rule) }
}
