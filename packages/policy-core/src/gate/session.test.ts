import { describe, expect, test } from 'vitest'
import { catalogOf, classify, openBench, PRINCIPAL } from '../../test/open-bench.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'

describe('submit', () => {
  test('clears what the policy allows, rewritten, and recorded before it is cleared', async () => {
    const { session, entries } = await openBench()
    const verdict = await session.submit({ text: 'read' })
    expect(verdict.kind === 'cleared' && verdict.cleared.statement.text).toBe('read with 1 masked')
    expect(entries).toMatchObject([
      { kind: 'intent', statement: 1, text: 'read', relations: ['public.customers'], approval: null },
    ])
  })

  test.each([
    ['what a rule does not name', 'ddl', 'NO_RULE_ALLOWS'],
    ['what it does not understand', 'gibberish', 'NOT_UNDERSTOOD'],
  ])('refuses and records %s', async (_what, text, code) => {
    const { session, entries } = await openBench()
    expect(await session.submit({ text })).toMatchObject({ kind: 'refused', refusal: { code } })
    expect(entries).toMatchObject([{ kind: 'refused', statement: 1, text, refusal: { code } }])
  })

  test('what the rewriter can not do is refused, with its reason', async () => {
    const { session } = await openBench({
      rewrite: () => ({ kind: 'impossible', why: 'too clever', hint: 'be plain', place: null }),
    })
    expect(await session.submit({ text: 'read' })).toMatchObject({
      refusal: { code: 'CANNOT_MASK', message: 'statement refused: too clever', hint: 'be plain' },
    })
  })

  test('F14: without a schema nothing is judged', async () => {
    let isUp = true
    const { session, entries } = await openBench({
      catalog: () => (isUp ? Promise.resolve(catalogOf('f')) : Promise.reject(new Error('down'))),
    })
    isUp = false
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'CATALOG_UNAVAILABLE' } })
    expect(entries).toMatchObject([{ kind: 'refused', refusal: { code: 'CATALOG_UNAVAILABLE' } }])
  })

  test('R5, F10: what can not be recorded is not cleared', async () => {
    const record = { append: () => Promise.reject(new Error('disk full')), close: () => Promise.resolve() }
    const { session } = await openBench({ record: () => Promise.resolve(record) })
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
    expect(await session.submit({ text: 'ddl' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
  })

  test('I6: a session is over when its token is, and after close', async () => {
    let now = 0
    const { session, closed } = await openBench({ clock: { now: () => now, monotonic: () => 0 } })
    now = PRINCIPAL.expiresAt
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
    now = 0
    await session.close('client-left')
    await session.close('shutdown')
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
    expect(closed).toEqual(['client-left'])
  })
})
test('N1: once the search path is emptied, all is judged without one, what was judged before too', async () => {
  const paths: (readonly string[])[] = []
  const { session } = await openBench({
    classify: (statement, catalog) => {
      paths.push(catalog.searchPath)
      return classify(statement, catalog)
    },
  })
  const before = await session.judge('read customers')
  await session.submit({ text: 'read no path' })
  const after = await session.judge('read customers')
  expect(paths).toEqual([['public'], ['public'], []])
  const fingerprints = [before, after].map(judgement =>
    judgement.kind === 'permitted' ? judgement.catalog.fingerprint : judgement.kind,
  )
  expect(new Set(fingerprints).size).toBe(2)
})

test('N1: emptying the search path counts from when it is cleared, and not when it is judged or refused', async () => {
  const { session } = await openBench({
    policy: compilePolicy(parsePolicy({ version: 1, rules: [] }), { version: '1' }),
  })
  await session.judge('read no path')
  await session.submit({ text: 'read no path' })
  const judged = await session.judge('read customers')
  expect(judged.kind === 'unavailable' || judged.facts.kind === 'opaque' ? null : judged.facts.catalogFingerprint).toBe(
    'f',
  )
})
