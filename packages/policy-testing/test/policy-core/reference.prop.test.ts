import { compilePolicy, decide } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clockReadings, policies, principals, surroundings, targets, understoodFacts } from '../../src/index.ts'
import { referenceAnswer } from './reference.ts'

const requests = fc.record({
  principal: principals(),
  target: targets(),
  facts: understoodFacts().map(facts => ({ ...facts, prohibitions: [] })),
  now: clockReadings(),
  surroundings: surroundings(),
})

test('decide answers as a plain reading of the rules does', () => {
  const seen = { allow: 0, approve: 0, deny: 0 }
  fc.assert(
    fc.property(policies(), requests, (policy, request) => {
      const decision = decide(compilePolicy({ ...policy, masks: [] }, { version: 'test' }), request)
      seen[decision.kind] += 1
      expect(decision.kind).toBe(referenceAnswer(policy, request))
    }),
    { numRuns: 5_000 },
  )
  // Or else the property says little.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20)
})

test('decide answers so too of one policy after many other questions: what it remembers is never wrong', () => {
  fc.assert(
    fc.property(policies(), fc.array(requests, { minLength: 20, maxLength: 40 }), (policy, asked) => {
      const compiled = compilePolicy({ ...policy, masks: [] }, { version: 'test' })
      const [first] = asked
      // The same people and the same relations again, at other times and with other things besides.
      const mixed = asked.flatMap((request, index) => [
        request,
        { ...request, principal: (asked[index - 1] ?? first ?? request).principal },
      ])
      for (const request of [...mixed, ...asked])
        expect(decide(compiled, request).kind).toBe(referenceAnswer(policy, request))
    }),
    { numRuns: 200 },
  )
})
