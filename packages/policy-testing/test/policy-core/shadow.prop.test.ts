import { compilePolicy, decide, shadowFinder } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clockReadings, policies, principals, surroundings, targets, understoodFacts } from '../../src/index.ts'

const requests = fc.record({
  principal: principals(),
  target: targets(),
  facts: understoodFacts(),
  now: clockReadings(),
  surroundings: surroundings(),
})

test('a rule that is said to be dead never makes a difference', () => {
  let dead = 0
  fc.assert(
    fc.property(policies(), fc.array(requests, { minLength: 10, maxLength: 10 }), (policy, asked) => {
      const find = shadowFinder(policy.rules, { by: 'all' })
      const rules = policy.rules.filter(rule => find(rule) === null)
      if (rules.length === policy.rules.length) return
      dead += 1
      const [whole, living] = [policy, { ...policy, rules }].map(one => compilePolicy(one, { version: 'test' }))
      for (const request of asked) expect(decide(living!, request).kind).toBe(decide(whole!, request).kind)
    }),
    { numRuns: 6_000 },
  )
  // Or else the property says little.
  expect(dead).toBeGreaterThan(20)
})
