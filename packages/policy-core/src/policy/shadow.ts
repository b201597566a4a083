import { isGlob, matchGlob } from './glob.ts'
import { asksForRelation, compilePatterns, TOUCHES_NOTHING } from './match-what.ts'
import { type Pattern, readPattern } from './pattern.ts'
import type { Rule, What, When, Who } from './policy.ts'

const STRICTNESS = { allow: 0, approve: 1, deny: 2 } as const

/** Gives the rule that leaves another no say, or null. */
export type FindShadow = (rule: Rule) => Rule | null

const isBlank = (what: What): boolean => Object.values(what).every(value => value === null)

/** A rule that may cover others, with its patterns prepared. */
interface Wide {
  readonly rule: Rule
  readonly patterns: readonly Pattern[] | null
}

/**
 * Gives the function that finds a stricter rule that matches whatever a rule matches, so that this one never has a say; or
 * null. Compares conditions as written and so doesn't find all: what it reports is true, what it passes may still be shadowed.
 *
 * @param by - `plain`: only rules that say no more than effects of what they are about count
 * @example
 * const find = shadowFinder(policy.rules, { by: 'all' })
 * const dead = policy.rules.filter(rule => find(rule) !== null)
 */
export function shadowFinder(given: readonly Rule[], { by }: { readonly by: 'all' | 'plain' }): FindShadow {
  const rules = by === 'all' ? given : given.filter(({ what }) => isBlank({ ...what, effects: null }))
  const anywhere: Wide[] = []
  const loose: Wide[] = []
  const byPattern = new Map<string, Wide[]>()
  for (const rule of rules) {
    const { columns, functions, relations } = rule.what
    // A condition on columns is one on all of them to an allow and on any of them to a deny: even the same doesn't cover.
    if (rule.decision === 'allow' || columns !== null || functions !== null) continue
    const wide = { rule, patterns: relations === null ? null : compilePatterns(relations, 2) }
    if (relations === null) anywhere.push(wide)
    else if (relations.some(isGlob)) loose.push(wide)
    for (const text of relations ?? []) byPattern.set(text, [...(byPattern.get(text) ?? []), wide])
  }
  return rule => {
    const [first] = rule.what.relations ?? []
    // Whatever covers the rule covers its first pattern.
    const candidates = first === undefined ? [anywhere] : [anywhere, byPattern.get(first) ?? [], loose]
    for (const shelf of candidates) for (const wide of shelf) if (isShadow(wide, rule)) return wide.rule
    return null
  }
}

const isShadow = (wide: Wide, rule: Rule): boolean =>
  STRICTNESS[wide.rule.decision] > STRICTNESS[rule.decision] &&
  coversWho(wide.rule.who, rule.who) &&
  coversTargets(wide.rule.targets, rule.targets) &&
  coversWhat(wide, rule) &&
  coversWhen(wide.rule.when, rule.when)

/** Whether whoever `narrow` is about `wide` is about too. */
export const coversWho = (wide: Who, narrow: Who): boolean =>
  isWithin(narrow.groups, wide.groups) &&
  isWithin(narrow.subjects, wide.subjects) &&
  isWithin(narrow.issuers, wide.issuers) &&
  isSameOrNone(narrow.claims, wide.claims) &&
  (isSameOrNone(narrow.actor, wide.actor) || (wide.actor?.kind === 'any' && narrow.actor?.kind === 'like'))

/** Whether `wide` holds on every target that `narrow` does. */
export const coversTargets = (wide: readonly string[] | null, narrow: readonly string[] | null): boolean =>
  isWithin(narrow, wide) || wide?.includes('*') === true

/** Whether `wide` holds whenever `narrow` does. */
export const coversWhen = (wide: When | null, narrow: When | null): boolean =>
  wide === null ||
  (isSameOrNone(narrow?.windows ?? null, wide.windows) &&
    (wide.from === null || (narrow?.from ?? -Infinity) >= wide.from) &&
    (wide.until === null || (narrow?.until ?? Infinity) <= wide.until))

/** Whether every use that `narrow` surely matches is matched by `wide`. */
function coversWhat({ rule: wide, patterns }: Wide, narrow: Rule): boolean {
  const [w, n] = [wide.what, narrow.what]
  return (
    isWithin(n.effects, w.effects) &&
    // Only a deny matches unknown without naming it.
    (wide.decision === 'deny' || w.effects !== null || n.effects?.includes('unknown') !== true) &&
    (!asksForRelation(w) || concernsRelationsOnly(narrow)) &&
    coversRelations(w.relations, patterns, n) &&
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

const coversRelations = (
  wide: readonly string[] | null,
  patterns: readonly Pattern[] | null,
  { relations }: What,
): boolean =>
  wide === null ||
  (relations?.every(text => {
    if (wide.includes(text) || wide.includes('*.*')) return true
    const exact = isGlob(text) ? null : readPattern(text, 2)?.exact
    return exact != null && patterns?.some(({ matches }) => matches(exact)) === true
  }) ??
    false)

const coversTags = (wide: readonly string[] | null, narrow: readonly string[] | null): boolean =>
  wide === null || (narrow?.every(tag => wide.some(glob => glob === tag || matchGlob(glob, tag))) ?? false)

/** Whether every value that `narrow` lets through is let through by `wide`; null lets everything through. */
const isWithin = (narrow: readonly string[] | null, wide: readonly string[] | null): boolean =>
  wide === null || (narrow?.every(value => wide.includes(value)) ?? false)

const isSameOrNone = (narrow: unknown, wide: unknown): boolean =>
  wide === null || JSON.stringify(narrow) === JSON.stringify(wide)
