import { describe, expect, test } from 'vitest'
import { answering, catalogOf, GRANTED, openBench, PRINCIPAL } from '../../test/open-bench.ts'
import type { Entry } from '../entry.ts'
import type { Answer } from '../hooks.ts'
import type { GateOptions } from './open-gate.ts'

describe('approval', () => {
  test('is asked for, recorded both ways, and clears once granted', async () => {
    const { session, entries } = await openBench({ approve: answering(GRANTED) })
    const verdict = await session.submit({ text: 'write' })
    expect(verdict).toMatchObject({ kind: 'cleared', cleared: { approval: 'r' } })
    expect(entries.map(({ kind }) => kind)).toEqual(['approval-requested', 'approval-answered', 'intent'])
  })

  test.each([
    [{ kind: 'denied', request: 'r', by: [], reason: 'no' }, 'APPROVAL_DENIED'],
    [{ kind: 'expired', request: 'r' }, 'APPROVAL_EXPIRED'],
    [{ kind: 'withdrawn', request: 'r' }, 'APPROVAL_WITHDRAWN'],
  ] satisfies [Answer, string][])('%o refuses', async (answer, code) => {
    const { session, entries } = await openBench({ approve: answering(answer) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code, request: 'r' } })
    expect(entries.map(({ kind }) => kind)).toEqual(['approval-requested', 'approval-answered', 'refused'])
  })

  test('the reason of a denial reaches the one who asked', async () => {
    const by = [{ issuer: 'i', subject: 'dana', groups: ['dba'] }]
    const { session } = await openBench({
      approve: answering({ kind: 'denied', request: 'r', by, reason: 'not on a Friday' }),
    })
    expect(await session.submit({ text: 'write' })).toMatchObject({
      refusal: { message: 'statement refused: request r was denied by dana: not on a Friday' },
    })
  })

  test('F7: an approver that fails has not approved', async () => {
    const { session } = await openBench()
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVER_FAILED' } })
  })

  test('A4: nobody is asked inside a transaction', async () => {
    let asked = 0
    const { session } = await openBench({ approve: () => Promise.reject(new Error(`asked ${++asked}`)) })
    expect(await session.submit({ text: 'write' }, { inTransaction: true })).toMatchObject({
      refusal: { code: 'APPROVAL_INSIDE_TRANSACTION' },
    })
    expect(asked).toBe(0)
  })

  test('A1, N2: a schema that changed while it waited voids the grant', async () => {
    let fingerprint = 'before'
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      fingerprint = 'after'
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await openBench({ approve, catalog: () => Promise.resolve(catalogOf(fingerprint)) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVAL_WITHDRAWN' } })
  })

  test('I6: a token that expired while it waited voids the grant', async () => {
    let now = 0
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      now = PRINCIPAL.expiresAt
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await openBench({ approve, clock: { now: () => now, monotonic: () => 0 } })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
  })

  test('an answer that can not be recorded clears nothing', async () => {
    const record = {
      append: ({ kind }: Entry) =>
        kind === 'approval-answered' ? Promise.reject(new Error('disk full')) : Promise.resolve(),
      close: () => Promise.resolve(),
    }
    const { session } = await openBench({ approve: answering(GRANTED), record: () => Promise.resolve(record) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
  })
})
