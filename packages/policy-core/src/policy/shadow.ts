import type { Rule, What, Who } from './policy.ts'

const STRICTNESS = { allow: 0, approve: 1, deny: 2 } as const

/**
 * A stricter rule that matches whatever `rule` matches, so that `rule` never has a say; or null. Compares conditions as
 * written and so finds the plain cases only: what it reports is true, what it passes may still be shadowed.
 */
export const shadowOf = (rule: Rule, rules: readonly Rule[]): Rule | null =>
  rules.find(
    other =>
      STRICTNESS[other.decision] > STRICTNESS[rule.decision] &&
      coversWho(other.who, rule.who) &&
      (isWithin(rule.targets, other.targets) || other.targets?.includes('*') === true) &&
      coversWhat(other, rule.what),
  ) ?? null

const coversWho = (wide: Who, narrow: Who): boolean =>
  isWithin(narrow.groups, wide.groups) &&
  isWithin(narrow.subjects, wide.subjects) &&
  isWithin(narrow.issuers, wide.issuers)

/** Only a wide rule about effects alone counts: an allow by relation also allows what touches no relation at all. */
const coversWhat = ({ what: wide, decision }: Rule, narrow: What): boolean =>
  wide.relations === null &&
  wide.access === null &&
  wide.functions === null &&
  wide.unbounded === null &&
  isWithin(narrow.effects, wide.effects) &&
  // Only a deny matches unknown without naming it.
  (decision === 'deny' || wide.effects !== null || narrow.effects?.includes('unknown') !== true)

/** Whether every value that `narrow` lets through is let through by `wide`; null lets everything through. */
const isWithin = (narrow: readonly string[] | null, wide: readonly string[] | null): boolean =>
  wide === null || (narrow?.every(value => wide.includes(value)) ?? false)
