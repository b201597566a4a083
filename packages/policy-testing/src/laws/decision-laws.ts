import type {
  Decision,
  DecisionRequest,
  MaskedRelation,
  Policy,
  Principal,
  RecordEntry,
  Rule,
  Who,
} from '@querywarden/policy-core'
import { EVERYBODY, EVERYTHING, ON_MASK, relationKey, strictestMask } from '@querywarden/policy-core'
import fc from 'fast-check'
import { facts, opaqueFacts, type Understood, understoodFacts } from '../arbitraries/facts.ts'
import { maskEntries, policies, recordEntries, rules } from '../arbitraries/policies.ts'
import { asItself, principals, targets } from '../arbitraries/principals.ts'
import { clockReadings, surroundings } from '../arbitraries/surroundings.ts'
import { expectThat, isEqualData, type Law, type Runs } from './law.ts'

/** Anything that decides by a policy. */
export type Decide = (policy: Policy, request: DecisionRequest) => Decision

const RANK = { allow: 0, approve: 1, deny: 2 } as const

const requests = (): fc.Arbitrary<DecisionRequest> =>
  fc.record({ principal: principals(), target: targets(), facts: facts(), ...circumstances() })
const understood = (): fc.Arbitrary<DecisionRequest & { readonly facts: Understood }> =>
  fc.record({ principal: principals(), target: targets(), facts: understoodFacts(), ...circumstances() })
const circumstances = () => ({ now: clockReadings(), surroundings: surroundings() })

const isNoMilder = (now: Decision, before: Decision): boolean => RANK[now.kind] >= RANK[before.kind]
const withRule = (policy: Policy, rule: Rule): Policy => ({
  ...policy,
  rules: [...policy.rules, { ...rule, id: 'added' }],
})

const withRecord = (policy: Policy, entry: RecordEntry): Policy => ({
  ...policy,
  record: [...(policy.record ?? []), entry],
})

/**
 * What holds for every policy, principal and statement, whatever decides.
 *
 * @example
 * const laws = decisionLaws((policy, request) => decide(compilePolicy(policy, { version: 'test' }), request), { runs: 500 })
 * for (const law of laws) test(law.name, law.check)
 */
export const decisionLaws = (decide: Decide, { runs }: Runs): readonly Law[] =>
  [
    ...refusalLaws(decide),
    ...ruleLaws(decide),
    ...partialLaws(decide),
    ...peopleLaws(decide),
    ...maskLaws(decide),
    ...recordLaws(decide),
  ].map(({ name, tryTimes }) => ({ name, check: async () => tryTimes(runs) }))

interface Draft {
  readonly name: string
  readonly tryTimes: (runs: number) => void
}

const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): Draft => ({
  name,
  tryTimes: runs => fc.assert(fc.property(arbitrary, holds), { numRuns: runs }),
})

const refusalLaws = (decide: Decide): readonly Draft[] => [
  law(
    'what is not understood is denied',
    fc.tuple(policies(), principals(), targets(), opaqueFacts()),
    ([policy, principal, target, facts]) => {
      const decision = decide(policy, { principal, target, facts })
      expectThat(
        decision.kind === 'deny' && decision.refusal.code === 'NOT_UNDERSTOOD',
        'an opaque statement was not refused',
      )
    },
  ),
  law('what is prohibited is denied', fc.tuple(policies(['allow']), understood()), ([policy, request]) => {
    const decision = decide(policy, request)
    if (request.facts.prohibitions.length === 0) return
    expectThat(
      decision.kind === 'deny' && decision.refusal.code === 'PROHIBITED',
      'a prohibited statement was not refused',
    )
  }),
  law('what does nothing is denied', fc.tuple(policies(), understood()), ([policy, request]) => {
    const decision = decide(policy, { ...request, facts: { ...request.facts, uses: [] } })
    expectThat(decision.kind === 'deny', 'a statement without uses was not refused')
  }),
  law('default deny', fc.tuple(policies(['deny']), requests()), ([policy, request]) => {
    expectThat(decide(policy, request).kind === 'deny', 'allowed though no rule allows anything')
  }),
  law('unknown is denied unless named', fc.tuple(policies(), understood()), ([policy, request]) => {
    const silent = policy.rules.filter(
      ({ decision, what }) => decision === 'deny' || !what.effects?.includes('unknown'),
    )
    if (!request.facts.uses.some(({ effect }) => effect === 'unknown')) return
    expectThat(
      decide({ ...policy, rules: silent }, request).kind === 'deny',
      'unknown was let through by a rule that does not name it',
    )
  }),
  law('a refusal has a message, a hint and one line each', fc.tuple(policies(), requests()), ([policy, request]) => {
    const decision = decide(policy, request)
    if (decision.kind !== 'deny') return
    const { message, hint } = decision.refusal
    expectThat(
      [message, hint].every(text => text.length > 0 && !/[\n\r]/.test(text)),
      'a refusal says nothing, or too much',
    )
  }),
]

const ruleLaws = (decide: Decide): readonly Draft[] => [
  law('deny trumps allow', fc.tuple(policies(), understood()), ([policy, request]) => {
    const everything: Rule = {
      id: 'added',
      decision: 'deny',
      who: EVERYBODY,
      targets: null,
      when: null,
      what: EVERYTHING,
      reason: null,
    }
    expectThat(
      decide(withRule(policy, everything), request).kind === 'deny',
      'a deny of everything let something through',
    )
  }),
  law(
    'the order of rules means nothing',
    fc.tuple(
      policies().chain(policy => fc.tuple(fc.constant(policy), shuffled(policy))),
      requests(),
    ),
    ([[policy, other], request]) => {
      expectThat(isEqualData(decide(policy, request), decide(other, request)), 'another order gave another decision')
    },
  ),
  law(
    'adding a deny never permits more',
    fc.tuple(policies(), rules(['deny']), requests()),
    ([policy, rule, request]) => {
      expectThat(isNoMilder(decide(withRule(policy, rule), request), decide(policy, request)), 'a deny permitted more')
    },
  ),
  law(
    'adding an approve to what is allowed never permits more',
    fc.tuple(policies(), rules(['approve']), requests()),
    ([policy, rule, request]) => {
      const before = decide(policy, request)
      if (before.kind !== 'allow') return
      expectThat(isNoMilder(decide(withRule(policy, rule), request), before), 'an approve permitted more')
    },
  ),
  law(
    'removing an allow never permits more',
    fc.tuple(policies(), rules(['allow']), requests()),
    ([policy, rule, request]) => {
      expectThat(
        isNoMilder(decide(policy, request), decide(withRule(policy, rule), request)),
        'fewer allows permitted more',
      )
    },
  ),
]

/** What is asked about less, or known less of. */
const partialLaws = (decide: Decide): readonly Draft[] => [
  law('a statement is no milder than anything it does', fc.tuple(policies(), understood()), ([policy, request]) => {
    const whole = decide(policy, request)
    // The columns that a write reads are held against it, unless a use of its own stands for the reading.
    if (policy.rules.some(({ what }) => what.columns !== null)) return
    for (const use of request.facts.uses) {
      const part = decide({ ...policy, masks: [] }, { ...request, facts: { ...request.facts, uses: [use] } })
      expectThat(isNoMilder(whole, part), 'the whole was permitted more than a part of it')
    }
  }),
  law('knowing less never permits more', fc.tuple(policies(['allow', 'deny']), understood()), ([policy, request]) => {
    const known = decide(policy, request)
    const { principal, target, facts } = request
    const unknown = decide(policy, { principal, target, facts })
    expectThat(isNoMilder(unknown, known), 'a statement of unknown surroundings was permitted more')
  }),
]

const shuffled = (policy: Policy): fc.Arbitrary<Policy> =>
  fc.shuffledSubarray([...policy.rules], { minLength: policy.rules.length }).map(rules => ({ ...policy, rules }))

const peopleLaws = (decide: Decide): readonly Draft[] => [
  law(
    'a condition on the actor only picks the rules that speak',
    fc.tuple(policies(), understood()),
    ([policy, request]) => {
      const picked = withoutActorConditions(policy, request.principal)
      const [one, other] = [decide(policy, request), decide(picked, request)]
      expectThat(isEqualData(one, other), 'a condition on the actor did more than to pick rules')
    },
  ),
  law('acting for someone never permits more than either', fc.tuple(policies(), understood()), ([given, request]) => {
    // Rules that ask for an actor, or for none, are about these two together; what each may alone is another question.
    const policy = withoutActorConditions(given, request.principal)
    const together = decide(policy, request)
    for (const alone of aloneOf(request.principal)) {
      const decision = decide(policy, { ...request, principal: alone })
      expectThat(isNoMilder(together, decision), 'both together were permitted more than one of them')
      if (together.kind === 'deny' || decision.kind === 'deny') continue
      expectThat(coversMasks(together.obligations.masks, decision.obligations.masks), 'a mask of one of them was lost')
      for (const limit of ['rowsMax', 'bytesMax', 'timeMsMax'] as const) {
        const lone = decision.obligations.limits[limit]
        expectThat(
          lone === null || (together.obligations.limits[limit] ?? Infinity) <= lone,
          'a limit of one of them was lost',
        )
      }
      if (decision.kind !== 'approve' || together.kind !== 'approve') continue
      const { rules } = together.terms
      expectThat(
        decision.terms.rules.every(rule => rules.includes(rule)),
        'an approval that one of them needs was lost',
      )
    }
  }),
]

/** The policy with conditions on the actor replaced by whether they hold for this principal's. */
function withoutActorConditions(policy: Policy, { actor }: Principal): Policy {
  const free = (who: Who): Who => ({ ...who, actor: null })
  const isPicked = (who: Who): boolean => holdsFor(who.actor, actor)
  return {
    ...policy,
    rules: policy.rules.filter(({ who }) => isPicked(who)).map(rule => ({ ...rule, who: free(rule.who) })),
    limits: policy.limits.filter(({ who }) => isPicked(who)).map(limit => ({ ...limit, who: free(limit.who) })),
    // Kept in their places, which decisions tell.
    masks: policy.masks.map(mask => ({
      ...mask,
      who: mask.who === null ? null : isPicked(mask.who) ? free(mask.who) : NOBODY,
      unless: mask.unless === null || !isPicked(mask.unless) ? null : free(mask.unless),
    })),
  }
}

const NOBODY: Who = { ...EVERYBODY, subjects: [] }

function holdsFor(condition: Who['actor'], actor: Principal['actor']): boolean {
  if (condition === null) return true
  if (condition.kind === 'none' || actor === null) return condition.kind === 'none' && actor === null
  const meets = (wanted: readonly string[] | null, has: readonly string[]): boolean =>
    wanted === null || wanted.some(name => has.includes(name))
  return (
    condition.kind === 'any' ||
    (meets(condition.groups, actor.groups) &&
      meets(condition.subjects, [actor.subject]) &&
      meets(condition.issuers, [actor.issuer]))
  )
}

const aloneOf = (principal: Principal): readonly Principal[] => [
  asItself(principal),
  ...(principal.actor === null ? [] : [asItself(principal.actor)]),
]

const maskLaws = (decide: Decide): readonly Draft[] => [
  law(
    'masks only add up',
    fc.tuple(policies(['allow', 'approve']), maskEntries(), understood()),
    ([policy, entry, request]) => {
      const before = decide(policy, request)
      const after = decide({ ...policy, masks: [...policy.masks, entry] }, request)
      expectThat(isNoMilder(after, before), 'a further mask permitted more')
      if (before.kind === 'deny' || after.kind === 'deny') return
      expectThat(coversMasks(after.obligations.masks, before.obligations.masks), 'a further mask showed more')
    },
  ),
  law(
    'what everybody is to see masked is masked or refused',
    fc.tuple(policies(['allow']), understood()),
    ([policy, request]) => {
      const everywhere = {
        kind: 'columns',
        columns: ['*.*.*'],
        mask: { kind: 'redact' },
        ...ON_MASK,
        who: null,
        unless: null,
        targets: null,
      } as const
      const decision = decide({ ...policy, masks: [...policy.masks, everywhere] }, request)
      if (decision.kind === 'deny') return
      for (const use of request.facts.uses) {
        if (use.kind !== 'relation' || use.relation.kind === 'catalog') continue
        const found = decision.obligations.masks.find(
          ({ relation }) => relationKey(relation) === relationKey(use.relation),
        )
        expectThat(use.relation.kind !== 'derived', 'a view over masked columns was let through')
        expectThat(found !== undefined, 'a masked relation was let through without its masks')
        expectThat(
          use.access !== 'ddl' && use.access !== 'maintain',
          'rows with masked columns were handed to ddl or maintenance',
        )
      }
    },
  ),
]

/** Whether every column masked in `narrow` is masked in `wide` too, and no milder. */
const coversMasks = (wide: readonly MaskedRelation[], narrow: readonly MaskedRelation[]): boolean =>
  narrow.every(({ relation, columns }) => {
    const found = wide.find(other => relationKey(other.relation) === relationKey(relation))
    return columns.every(({ column, mask }) => {
      const kept = found?.columns.find(other => other.column.name === column.name)
      return kept !== undefined && isEqualData(strictestMask([kept.mask, mask]), kept.mask)
    })
  })

/** What is kept of rows, as a number of them; less than none without even a digest. */
function rowsRecorded(decision: Decision): number {
  const rows = decision.kind === 'deny' ? undefined : decision.obligations.rows
  if (rows === undefined) return -1
  return rows.kind === 'all' ? Number.POSITIVE_INFINITY : rows.kind === 'first' ? rows.rows : 0
}

const butForRows = (decision: Decision): Decision => {
  if (decision.kind === 'deny') return decision
  const { rows: _, ...obligations } = decision.obligations
  return { ...decision, obligations }
}

const recordLaws = (decide: Decide): readonly Draft[] => [
  law(
    'recording more changes no decision, and records no less',
    fc.tuple(policies(), recordEntries(), requests()),
    ([policy, entry, request]) => {
      const before = decide(policy, request)
      const now = decide(withRecord(policy, entry), request)
      expectThat(isEqualData(butForRows(now), butForRows(before)), 'an entry about recordings changed a decision')
      expectThat(rowsRecorded(now) >= rowsRecorded(before), 'an entry about recordings took from what is recorded')
    },
  ),
  law(
    'what is recorded of either of a pair is recorded of both',
    fc.tuple(policies(), understood()),
    ([policy, request]) => {
      const { principal } = request
      if (principal.actor === null) return
      const pair = decide(policy, request)
      if (pair.kind === 'deny') return
      for (const alone of [asItself(principal), asItself(principal.actor)]) {
        const one = decide({ ...policy, record: about(policy) }, { ...request, principal: alone })
        expectThat(rowsRecorded(pair) >= rowsRecorded(one), 'less is recorded of a pair than of one of the two')
      }
    },
  ),
]

/** Entries that no condition on an acting agent is in: alone, nobody acts. */
const about = ({ record = [] }: Policy): readonly RecordEntry[] => record.filter(({ who }) => who.actor === null)
