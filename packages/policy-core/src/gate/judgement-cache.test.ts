import { describe, expect, test } from 'vitest'
import { answering, catalogOf, classify, GRANTED, openBench, POLICY } from '../../test/open-bench.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { GateOptions } from './open-gate.ts'

test('judgements are remembered within bounds, and forgotten when the schema moves', async () => {
  let judged = 0
  let fingerprint = 'one'
  const counting: GateOptions['classify'] = (statement, catalog) => {
    judged += 1
    return classify(statement, catalog)
  }
  const { session } = await openBench({
    classify: counting,
    catalog: () => Promise.resolve(catalogOf(fingerprint)),
    limits: { judgementsMax: 2, judgedCharsMax: 10 },
  })
  for (const text of ['read a', 'read a', 'read b', 'read a']) await session.judge(text)
  expect(judged).toBe(2)
  for (const text of ['read c', 'read b', 'read too long', 'read too long']) await session.judge(text)
  expect(judged).toBe(6)
  fingerprint = 'two'
  await session.judge('read c')
  expect(judged).toBe(7)
})

describe('a policy that is replaced while a session is open', () => {
  const policyOf = (version: string, decision: 'allow' | 'deny') =>
    compilePolicy(parsePolicy({ version: 1, rules: [{ id: 'all', decision, what: { effects: ['read', 'write'] } }] }), {
      version,
    })
  const ASKING = compilePolicy(POLICY, { version: 'asking' })

  test('F6, F33: is felt from the next statement on, whatever was judged before', async () => {
    let policy = policyOf('1', 'allow')
    const { session } = await openBench({ policy: () => policy })
    expect(await session.submit({ text: 'read' })).toMatchObject({ kind: 'cleared' })
    policy = policyOf('2', 'deny')
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'DENIED_BY_RULE' } })
    policy = policyOf('1', 'allow')
    expect(await session.submit({ text: 'read' })).toMatchObject({ kind: 'cleared' })
  })

  test('F6: judges no statement by halves: what was in force when its judgement began holds to its end', async () => {
    const [first, second] = [policyOf('1', 'allow'), policyOf('2', 'deny')]
    let policy = first
    const swapping: GateOptions['classify'] = (statement, catalog) => {
      policy = second
      return classify(statement, catalog)
    }
    const { session } = await openBench({ policy: () => policy, classify: swapping })
    expect(await session.judge('read')).toMatchObject({ kind: 'permitted', policyVersion: '1' })
    expect(await session.judge('read')).toMatchObject({ kind: 'refused' })
  })

  test('A1: voids a grant that was asked for under the one before', async () => {
    let policy = ASKING
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      policy = policyOf('2', 'allow')
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await openBench({ policy: () => policy, approve })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVAL_WITHDRAWN' } })
  })
})
