import { type DecisionRequest, surroundingsOf } from './decide.ts'
import { describeUse, ruleOn } from './decide-use.ts'
import { type ColumnRole, EFFECTS, type Facts, type Use } from './facts.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import { compileWhat, type Matter } from './policy/match-what.ts'
import { compileWhen } from './policy/match-when.ts'
import { matchesTarget, matchesWho } from './policy/match-who.ts'
import { EVERYBODY, EVERYTHING, type Rule, type What, type Who } from './policy/policy.ts'
import { allHold, ruleIndex } from './policy/rule-index.ts'
import type { Identity, Instant } from './principal.ts'
import { printableName } from './printable.ts'
import type { Place } from './statement.ts'

/** A rule that would have let something through, but for a few of its conditions. */
export interface NearMiss {
  readonly rule: string
  readonly decision: 'allow' | 'approve'
  /** What the statement does there, as in the reasons of a decision. */
  readonly use: string
  readonly place: Place
  /** The conditions that don't hold, as they are written: `who.groups`, `what.columns`. */
  readonly failed: readonly string[]
}

/** A column that a statement uses, and what for. */
export interface ExplainedColumn {
  /** `schema.relation.column`, quoted where it must be. */
  readonly name: string
  readonly roles: readonly ColumnRole[]
  readonly place: Place
}

/** What a decision itself doesn't say. */
export interface Explanation {
  readonly columns: readonly ExplainedColumn[]
  /** For each thing that no rule allows, the rules that came nearest to it. */
  readonly nearest: readonly NearMiss[]
}

const NEAREST_MAX = 3
const FAILED_MAX = 2

/**
 * Says of a decision what it rests on and what it only just misses. Looks at every rule, so it is for people who ask, and
 * not for every statement.
 *
 * @example
 * const request = { principal, target, facts, now: Date.now() }
 * console.log(explain(decide(policy, request), facts, explanationOf(policy, request)))
 */
export function explanationOf(policy: CompiledPolicy, request: DecisionRequest): Explanation {
  const { principal, target, facts, now = Number.NaN } = request
  if (facts.kind === 'opaque') return { columns: [], nearest: [] }
  const standing = policy.for(principal, target, now)
  const matter: Matter = { facts, surroundings: surroundingsOf(request.surroundings) }
  const sides = principal.actor === null ? [principal] : [principal, principal.actor]
  const nearest = facts.uses.flatMap(use => {
    // What isn't there, or isn't understood, is mended in the statement and not in a rule.
    if (use.kind === 'statement' && use.effect === 'unknown') return []
    const { answer, rules } = ruleOn(standing, use, matter)
    if (answer !== 'deny' || rules.length > 0) return []
    const lacking = sides.filter(
      (_, index) =>
        ruleOn({ ...standing, sides: standing.sides.slice(index, index + 1) }, use, matter).answer === 'deny',
    )
    return lacking.flatMap(side =>
      nearestTo(policy.policy.rules, use, matter, { side, actor: principal.actor, target: target.name, now }),
    )
  })
  return { columns: columnsOf(facts), nearest: withoutRepeats(nearest) }
}

/** Whoever lacks a rule, and what else rules ask for. */
interface Lack {
  readonly side: Identity
  readonly actor: Identity | null
  readonly target: string
  readonly now: Instant
}

function nearestTo(rules: readonly Rule[], use: Use, matter: Matter, lack: Lack): readonly NearMiss[] {
  const misses = rules.flatMap((rule): NearMiss[] => {
    if (rule.decision === 'deny') return []
    const failed = failedConditions(rule, use, matter, lack)
    const { id, decision } = rule
    return failed.length === 0 || failed.length > FAILED_MAX
      ? []
      : [{ rule: id, decision, use: describeUse(use, matter.facts.tag), place: use.place, failed }]
  })
  const fewest = Math.min(...misses.map(({ failed }) => failed.length))
  return misses.filter(({ failed }) => failed.length === fewest).slice(0, NEAREST_MAX)
}

function failedConditions(rule: Rule, use: Use, matter: Matter, { side, actor, target, now }: Lack): readonly string[] {
  const failed: string[] = WHO_KEYS.filter(key => !matchesWho({ ...EVERYBODY, [key]: rule.who[key] }, side, actor)).map(
    key => `who.${key}`,
  )
  if (!matchesTarget(rule.targets, target)) failed.push('on.targets')
  if (rule.when !== null && compileWhen(rule.when)(now) !== true) failed.push('on.when')
  for (const key of WHAT_KEYS) if (!holdsAlone(rule, key, use, matter)) failed.push(`what.${WRITTEN[key] ?? key}`)
  return failed
}

const WHO_KEYS = ['groups', 'subjects', 'issuers', 'claims', 'actor'] as const satisfies readonly (keyof Who)[]
const WHAT_KEYS = [
  'effects',
  'relations',
  'access',
  'functions',
  'unbounded',
  'tags',
  'columns',
  'via',
  'estimatedRows',
  'multiStatement',
  'inTransaction',
] as const satisfies readonly (keyof What)[]

/** How conditions are written, where not as they are named here. */
const WRITTEN: Readonly<Partial<Record<keyof What, string>>> = {
  estimatedRows: 'estimated-rows',
  multiStatement: 'multi-statement',
  inTransaction: 'in-transaction',
}

/** Whether one condition of a rule holds for a use, whatever the others. */
function holdsAlone({ decision, what }: Rule, key: keyof What, use: Use, matter: Matter): boolean {
  if (what[key] === null && key !== 'effects') return true
  const alone = { ...EVERYTHING, effects: EFFECTS, [key]: what[key] }
  const index = ruleIndex([{ rule: LONE, what: compileWhat({ decision, what: alone }) }])
  return index(use).rules.some(({ what: { conditions } }) => allHold(conditions, use, matter))
}

const LONE: Rule = {
  id: 'lone',
  decision: 'allow',
  who: EVERYBODY,
  targets: null,
  when: null,
  what: EVERYTHING,
  reason: null,
}

function columnsOf({ columns }: Extract<Facts, { kind: 'understood' }>): readonly ExplainedColumn[] {
  const found = new Map<string, { readonly roles: Set<ColumnRole>; readonly place: Place }>()
  for (const { schema, name, column, role, place } of columns) {
    const shown = [schema, name]
      .map(printableName)
      .concat(column === '*' ? column : printableName(column))
      .join('.')
    const known = found.get(shown) ?? { roles: new Set(), place }
    known.roles.add(role)
    found.set(shown, known)
  }
  return [...found].map(([name, { roles, place }]) => ({ name, roles: [...roles], place }))
}

function withoutRepeats(misses: readonly NearMiss[]): readonly NearMiss[] {
  return [...new Map(misses.map(miss => [JSON.stringify([miss.rule, miss.use, miss.failed]), miss])).values()]
}
