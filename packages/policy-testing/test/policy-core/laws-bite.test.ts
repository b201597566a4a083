import { compilePolicy, type Decision, type DecisionRequest, decide, type Policy } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { type Decide, decisionLaws } from '../../src/index.ts'

const sound: Decide = (policy, request) => decide(compilePolicy(policy, { version: 'test' }), request)

const nothing = { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } }
const allowed: Decision = { kind: 'allow', obligations: nothing, reasons: [] }

const without = (decision: Policy['rules'][number]['decision'], policy: Policy): Policy => ({
  ...policy,
  rules: policy.rules.filter(rule => rule.decision !== decision),
})

/** Ways to decide wrongly, each with the laws that must notice. */
const broken: readonly { readonly flaw: string; readonly decide: Decide; readonly laws: readonly string[] }[] = [
  {
    flaw: 'ignores deny rules',
    decide: (policy, request) => sound(without('deny', policy), request),
    laws: ['deny trumps allow'],
  },
  {
    flaw: 'lets the first rule decide',
    decide: (policy, request) => sound({ ...policy, rules: policy.rules.slice(0, 1) }, request),
    laws: ['the order of rules means nothing'],
  },
  {
    flaw: 'allows what no rule speaks of',
    decide: (policy, request) => (policy.rules.length === 0 ? allowed : sound(policy, request)),
    laws: ['default deny', 'removing an allow never permits more'],
  },
  {
    flaw: 'forgets the actor',
    decide: (policy, { principal, ...request }) =>
      sound(policy, { ...request, principal: { ...principal, actor: null } }),
    laws: ['acting for someone never permits more than either'],
  },
  {
    flaw: 'looks at the first use only',
    decide: (policy, request) => sound(policy, firstUseOnly(request)),
    laws: ['a statement is no milder than anything it does'],
  },
  {
    flaw: 'takes an opaque statement for a harmless one',
    decide: (policy, request) => (request.facts.kind === 'opaque' ? allowed : sound(policy, request)),
    laws: ['what is not understood is denied'],
  },
  {
    flaw: 'takes what is not known for what is harmless',
    decide: (policy, request) =>
      sound(policy, {
        ...request,
        surroundings: request.surroundings ?? { inTransaction: false, multiStatement: false, estimatedRows: 0 },
      }),
    laws: ['knowing less never permits more'],
  },
  {
    flaw: 'ignores conditions on the actor',
    decide: (policy, request) =>
      sound({ ...policy, rules: policy.rules.map(rule => ({ ...rule, who: { ...rule.who, actor: null } })) }, request),
    laws: ['a condition on the actor only picks the rules that speak'],
  },
  {
    flaw: 'lets the last mask win',
    decide: (policy, request) => sound({ ...policy, masks: policy.masks.slice(-1) }, request),
    laws: ['masks only add up'],
  },
  {
    flaw: 'drops masks',
    decide: (policy, request) => sound({ ...policy, masks: [] }, request),
    laws: ['what everybody is to see masked is masked or refused'],
  },
]

const firstUseOnly = (request: DecisionRequest): DecisionRequest =>
  request.facts.kind === 'opaque'
    ? request
    : { ...request, facts: { ...request.facts, uses: request.facts.uses.slice(0, 1) } }

describe('the laws of a decision notice a decider that', () => {
  for (const { flaw, decide: flawed, laws } of broken) {
    test.each(laws)(`${flaw}: %s`, async name => {
      const law = decisionLaws(flawed, { runs: 3_000 }).find(candidate => candidate.name === name)
      expect(law).toBeDefined()
      await expect(law?.check()).rejects.toThrow()
    })
  }
})
