import { compilePolicy, decide } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { policies, principals, targets, understoodFacts } from '../../src/index.ts'
import { referenceAnswer } from './reference.ts'

test('decide answers as a plain reading of the rules does', () => {
  const seen = { allow: 0, approve: 0, deny: 0 }
  fc.assert(
    fc.property(policies(), principals(), targets(), understoodFacts(), (policy, principal, target, facts) => {
      const request = { principal, target, facts: { ...facts, prohibitions: [] } }
      const decision = decide(compilePolicy({ ...policy, masks: [] }, { version: 'test' }), request)
      seen[decision.kind] += 1
      expect(decision.kind).toBe(referenceAnswer(policy, principal, target, facts.uses))
    }),
    { numRuns: 5_000 },
  )
  // Or else the property says little.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20)
})
