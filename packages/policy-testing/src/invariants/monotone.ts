import {
  type Decision,
  EFFECTS,
  EVERYBODY,
  EVERYTHING,
  type Facts,
  type Policy,
  type Rule,
  relationKey,
} from '@querywarden/policy-core'
import { type Engine, type Judge, judgeOf } from './engine.ts'
import type { Invariant } from './invariant.ts'
import { seek } from './search.ts'
import type { Asker, Situation } from './situations.ts'

export interface MonotoneOptions {
  readonly as?: Asker
  /** Also: who leaves a group never gets more, nor sees more. A policy that denies to a group breaks it, and may mean to. */
  readonly groups: boolean
}

/**
 * Taking a rule that allows away, or adding one that denies, never permits more; and with `groups`, leaving a group neither.
 * The first two hold of every policy by `decide`: they are for engines with another way to decide.
 *
 * @example
 * await check(monotone(engine, { groups: true }))
 */
export function monotone(engine: Engine, { as = {}, groups }: MonotoneOptions): Invariant {
  const judge = judgeOf(engine)
  const stricter = stricterThan(judge.policy.policy).map(({ change, policy }) => ({
    change,
    judge: judgeOf(engine, policy),
  }))
  return {
    name: groups ? 'fewer rights never permit more' : 'fewer rules never permit more',
    search: runs =>
      seek(
        {
          engine,
          asker: as,
          selection: {},
          concerns: ({ facts }) => facts.kind === 'understood',
          wrong: ({ facts, decision }, situation) => {
            for (const { change, judge } of stricter) {
              const after = judge.decide(facts, situation)
              if (isLooser(after, decision)) return `${change}: the answer is ${after.kind}`
            }
            return groups ? gainByLeaving(judge, facts, situation, decision) : null
          },
        },
        runs,
      ),
  }
}

const STRICTNESS = { allow: 0, approve: 1, deny: 2 } as const

const isLooser = (a: Decision, b: Decision): boolean => STRICTNESS[a.kind] < STRICTNESS[b.kind]

function gainByLeaving(judge: Judge, facts: Facts, situation: Situation, decision: Decision): string | null {
  for (const group of situation.principal.groups) {
    const groups = situation.principal.groups.filter(name => name !== group)
    const after = judge.decide(facts, { ...situation, principal: { ...situation.principal, groups } })
    if (isLooser(after, decision)) return `outside of ${group}: the answer is ${after.kind}`
    if (after.kind === 'deny' || decision.kind === 'deny') continue
    const still = new Set(maskedBy(after))
    const shown = maskedBy(decision).find(column => !still.has(column))
    if (shown !== undefined) return `outside of ${group}: ${shown} is shown unmasked`
  }
  return null
}

const maskedBy = ({ obligations }: Exclude<Decision, { readonly kind: 'deny' }>): readonly string[] =>
  obligations.masks.flatMap(({ relation, columns }) =>
    columns.map(({ column }) => `${relationKey(relation)} ${column.name}`),
  )

interface Stricter {
  readonly change: string
  readonly policy: Policy
}

/** A policy with each of its rules that let something through taken away, and with a deny of the same things added. */
const stricterThan = (policy: Policy): readonly Stricter[] => [
  ...policy.rules
    .filter(({ decision }) => decision !== 'deny')
    .flatMap(rule => [
      {
        change: `without rule ${rule.id}`,
        policy: { ...policy, rules: policy.rules.filter(other => other !== rule) },
      },
      { change: `with a deny of what rule ${rule.id} lets through`, policy: withDeny(policy, rule) },
    ]),
  ...EFFECTS.map(effect => ({
    change: `with a deny of ${effect}`,
    policy: withDeny(policy, { who: EVERYBODY, targets: null, when: null, what: { ...EVERYTHING, effects: [effect] } }),
  })),
]

/** No rule has this id: `parsePolicy` takes no control characters. */
const withDeny = (
  policy: Policy,
  { who, targets, when, what }: Pick<Rule, 'who' | 'targets' | 'when' | 'what'>,
): Policy => ({
  ...policy,
  rules: [...policy.rules, { id: '\u{1}added', decision: 'deny', who, targets, when, what, reason: null }],
})
