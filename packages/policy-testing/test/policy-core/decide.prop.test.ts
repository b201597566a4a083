import { compilePolicy, decide } from '@querywarden/policy-core'
import { describe, test } from 'vitest'
import { decisionLaws } from '../../src/index.ts'

describe('decide keeps the laws of a decision', () => {
  const laws = decisionLaws((policy, request) => decide(compilePolicy(policy, { version: 'test' }), request), {
    runs: 2_000,
  })
  for (const law of laws) test(law.name, law.check)
})
