import { matchGlob } from './glob.ts'
import { asksForRelation, TOUCHES_NOTHING } from './match-what.ts'
import { readPattern } from './pattern.ts'
import type { Rule, What, When, Who } from './policy.ts'

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
      coversTargets(other.targets, rule.targets) &&
      coversWhen(other.when, rule.when) &&
      coversWhat(other, rule),
  ) ?? null

/** Whether whoever `narrow` is about `wide` is about too. */
export const coversWho = (wide: Who, narrow: Who): boolean =>
  isWithin(narrow.groups, wide.groups) &&
  isWithin(narrow.subjects, wide.subjects) &&
  isWithin(narrow.issuers, wide.issuers) &&
  isSameOrNone(narrow.claims, wide.claims) &&
  (isSameOrNone(narrow.actor, wide.actor) || (wide.actor?.kind === 'any' && narrow.actor?.kind === 'like'))

const coversTargets = (wide: readonly string[] | null, narrow: readonly string[] | null): boolean =>
  isWithin(narrow, wide) || wide?.includes('*') === true

/** Whether `wide` holds whenever `narrow` does. */
export const coversWhen = (wide: When | null, narrow: When | null): boolean =>
  wide === null ||
  (isSameOrNone(narrow?.windows ?? null, wide.windows) &&
    (wide.from === null || (narrow?.from ?? -Infinity) >= wide.from) &&
    (wide.until === null || (narrow?.until ?? Infinity) <= wide.until))

/**
 * Whether every use that `narrow` surely matches is matched by `wide`. A condition on columns is one on all of them to
 * an allow and on any of them to a deny, so that even the same one may not cover it.
 */
function coversWhat(wide: Rule, narrow: Rule): boolean {
  const [w, n] = [wide.what, narrow.what]
  return (
    w.columns === null &&
    w.functions === null &&
    isWithin(n.effects, w.effects) &&
    // Only a deny matches unknown without naming it.
    (wide.decision === 'deny' || w.effects !== null || n.effects?.includes('unknown') !== true) &&
    (!asksForRelation(w) || concernsRelationsOnly(narrow)) &&
    coversRelations(w.relations, n) &&
    isWithin(n.access, w.access) &&
    isSameOrNone(n.unbounded, w.unbounded) &&
    coversTags(w.tags, n.tags) &&
    isWithin(n.via, w.via) &&
    isSameOrNone(n.estimatedRows, w.estimatedRows) &&
    isSameOrNone(n.multiStatement, w.multiStatement) &&
    isSameOrNone(n.inTransaction, w.inTransaction)
  )
}

/** An allow by relation also allows what touches none, where its effect is one of some. */
const concernsRelationsOnly = ({ decision, what }: Rule): boolean =>
  what.functions === null &&
  asksForRelation(what) &&
  (decision !== 'allow' || (what.effects?.every(effect => !TOUCHES_NOTHING.has(effect)) ?? false))

const coversRelations = (wide: readonly string[] | null, { relations }: What): boolean =>
  wide === null || (relations?.every(pattern => wide.some(other => coversPattern(other, pattern))) ?? false)

function coversPattern(wide: string, narrow: string): boolean {
  const exact = readPattern(narrow, 2)?.exact
  return wide === narrow || wide === '*.*' || (exact != null && readPattern(wide, 2)?.matches(exact) === true)
}

const coversTags = (wide: readonly string[] | null, narrow: readonly string[] | null): boolean =>
  wide === null || (narrow?.every(tag => wide.some(glob => glob === tag || matchGlob(glob, tag))) ?? false)

/** Whether every value that `narrow` lets through is let through by `wide`; null lets everything through. */
const isWithin = (narrow: readonly string[] | null, wide: readonly string[] | null): boolean =>
  wide === null || (narrow?.every(value => wide.includes(value)) ?? false)

const isSameOrNone = (narrow: unknown, wide: unknown): boolean =>
  wide === null || JSON.stringify(narrow) === JSON.stringify(wide)
