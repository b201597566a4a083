import type { Pending, Question } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { aQuestion, aStore, HandClock, NOON, person } from '../test/a-question.ts'
import { answerRequest } from './answer-request.ts'
import type { ApprovalStore } from './approval-store.ts'
import { denyAll } from './deny-all.ts'
import { type HoldOptions, holdForApproval } from './hold-for-approval.ts'

const coded = (code: string): unknown => expect.objectContaining({ name: 'ApprovalError', code })

/** A statement on hold, seen from all sides. */
const hold = (changes: Partial<HoldOptions> = {}, question: Question = aQuestion()) => {
  const clock = new HandClock()
  const store = changes.store ?? aStore(clock)
  const leaving = new AbortController()
  const approve = holdForApproval({ clock, sleep: clock.sleep, recompute: async asked => asked, ...changes, store })
  let answer: ReturnType<typeof approve> | undefined
  const pending = new Promise<Pending>((resolve, reject) => {
    answer = approve(question, leaving.signal, resolve)
    answer.catch(reject)
  })
  const say = async (word: 'granted' | 'denied', reason = ''): Promise<unknown> =>
    answerRequest(store, { request: (await pending).request, approver: person('dora'), answer: word, reason })
  return { clock, store, leaving, pending, answer: answer!, say }
}

/** A store of which one method is another. */
const storeWith = (changes: Partial<ApprovalStore>): ApprovalStore => ({ ...aStore(new HandClock()), ...changes })
const down = (): Promise<never> => Promise.reject(new Error('store is down'))

describe('holding', () => {
  test('the asker hears the id and expiry at once, and the grant names who gave it', async () => {
    const { pending, answer, say, store } = hold()
    expect(await pending).toEqual({ request: 'request-1', expiresAt: NOON + 600_000 })
    await say('granted', 'ticket OPS-7')
    expect(await answer).toEqual({
      kind: 'granted',
      request: 'request-1',
      by: [{ issuer: 'https://idp.example', subject: 'dora', groups: ['dba'] }],
      reason: 'ticket OPS-7',
    })
    expect((await store.get('request-1'))?.state).toBe('redeemed')
  })

  test('a denial carries its reason', async () => {
    const { answer, say } = hold()
    await say('denied', 'not today')
    expect(await answer).toMatchObject({ kind: 'denied', reason: 'not today', by: [{ subject: 'dora' }] })
  })

  test('denyAll denies at once', async () => {
    expect(await denyAll(aQuestion(), new AbortController().signal, () => undefined)).toMatchObject({ kind: 'denied' })
  })
})

describe('A1: what runs is what was granted', () => {
  const changes: [string, (question: Question) => Question][] = [
    ['text', q => ({ ...q, statement: { ...q.statement, text: `${q.statement.text} or true` } })],
    ['policy version', q => ({ ...q, policyVersion: 'policy-2' })],
    ['catalog', q => ({ ...q, catalogFingerprint: 'catalog-2' })],
    ['search path', q => ({ ...q, searchPath: ['evil', 'public'] })],
    ['session', q => ({ ...q, session: 'session-2' })],
  ]
  test.each(changes)('another %s at the moment of execution is refused', async (_, change) => {
    const { answer, say, store } = hold({ recompute: async question => change(question) })
    await say('granted')
    await expect(answer).rejects.toEqual(coded('DIGEST_DIFFERS'))
    expect((await store.get('request-1'))?.state).toBe('withdrawn')
  })

  test('parameter bytes that change during the wait are refused', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    const statement = { ...aQuestion().statement, params: [{ typeOid: 17, format: 'binary', value: bytes }] as const }
    const { pending, answer, say } = hold({}, aQuestion({ statement }))
    await pending
    bytes.fill(9)
    await say('granted')
    await expect(answer).rejects.toEqual(coded('DIGEST_DIFFERS'))
  })
})

describe('A2: a grant that somebody else used up is not ours', () => {
  test('redeemed before this statement could', async () => {
    const { pending, answer, store } = hold()
    const { request } = await pending
    const digest = (await store.get(request))!.digest
    const racing = store.answer(request, { answer: 'granted', by: person('dora'), reason: '' })
    const stolen = store.redeem(request, digest)
    await racing
    await stolen
    await expect(answer).rejects.toEqual(coded('NOT_GRANTED'))
  })

  test('a store that reports it as redeemed while waiting', async () => {
    const store = aStore(new HandClock())
    const redeemed = { ...(await store.create(aQuestion())), state: 'redeemed' } as const
    const { answer } = hold({ store: { ...store, waitForAnswer: async () => redeemed } })
    await expect(answer).rejects.toEqual(coded('NOT_GRANTED'))
  })
})

describe('F8: time', () => {
  test('at the deadline it is over, and an answer comes too late', async () => {
    const { clock, pending, answer, say } = hold()
    await pending
    clock.advance(600_000)
    expect(await answer).toEqual({ kind: 'expired', request: 'request-1' })
    await expect(say('granted')).rejects.toEqual(coded('EXPIRED'))
  })

  test('F30: a wall clock that is set back doesn’t lengthen the wait', async () => {
    const { clock, pending, answer, say } = hold()
    await pending
    clock.setWall(NOON - 3_600_000)
    clock.advance(600_000)
    expect(await answer).toEqual({ kind: 'expired', request: 'request-1' })
    await expect(say('granted')).rejects.toEqual(coded('EXPIRED'))
  })

  test('a grant that comes in time but is checked too late is expired', async () => {
    const clock = new HandClock()
    const { answer, say } = hold({
      store: aStore(clock),
      clock,
      sleep: clock.sleep,
      recompute: async question => {
        clock.setWall(NOON + 600_000)
        return question
      },
    })
    await say('granted')
    expect(await answer).toEqual({ kind: 'expired', request: 'request-1' })
  })
})

describe('A5, F22: whoever leaves runs nothing', () => {
  test('leaving while waiting withdraws the request, and nobody can grant it any more', async () => {
    const { leaving, pending, answer, say, store } = hold()
    await pending
    leaving.abort()
    expect(await answer).toEqual({ kind: 'withdrawn', request: 'request-1' })
    await expect(say('granted')).rejects.toEqual(coded('NOT_PENDING'))
    expect((await store.get('request-1'))?.state).toBe('withdrawn')
  })

  test('leaving before asking asks nobody', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const approve = holdForApproval({ clock, sleep: clock.sleep, recompute: async q => q, store })
    const told = { calls: 0 }
    await expect(approve(aQuestion(), AbortSignal.abort(), () => told.calls++)).rejects.toEqual(coded('ASKER_LEFT'))
    expect(told.calls).toBe(0)
    expect(await store.list(['pending'])).toEqual([])
  })

  test('leaving while the request is being stored withdraws it', async () => {
    const leaving = new AbortController()
    const inner = aStore(new HandClock())
    const create: ApprovalStore['create'] = async question => {
      const request = await inner.create(question)
      leaving.abort()
      return request
    }
    const clock = new HandClock()
    const approve = holdForApproval({ clock, sleep: clock.sleep, recompute: async q => q, store: { ...inner, create } })
    expect(await approve(aQuestion(), leaving.signal, () => undefined)).toMatchObject({ kind: 'withdrawn' })
    expect(await inner.list(['withdrawn'])).toHaveLength(1)
  })

  test('leaving between the grant and its redemption withdraws it unused', async () => {
    const leaving = new AbortController()
    const clock = new HandClock()
    const store = aStore(clock)
    const recompute = async (question: Question): Promise<Question> => {
      leaving.abort()
      return question
    }
    const answer = holdForApproval({ clock, sleep: clock.sleep, recompute, store })(
      aQuestion(),
      leaving.signal,
      ({ request }) => {
        void answerRequest(store, { request, approver: person('dora'), answer: 'granted', reason: '' })
      },
    )
    expect(await answer).toEqual({ kind: 'withdrawn', request: 'request-1' })
    expect((await store.get('request-1'))?.state).toBe('withdrawn')
  })

  test('leaving while the grant is being redeemed uses it up and still runs nothing', async () => {
    const inner = aStore(new HandClock())
    const leaving = new AbortController()
    const redeem: ApprovalStore['redeem'] = async (id, digest) => {
      const redeemed = await inner.redeem(id, digest)
      leaving.abort()
      return redeemed
    }
    const clock = new HandClock()
    const approve = holdForApproval({ clock, sleep: clock.sleep, recompute: async q => q, store: { ...inner, redeem } })
    const answer = approve(aQuestion(), leaving.signal, ({ request }) => {
      void answerRequest(inner, { request, approver: person('dora'), answer: 'granted', reason: '' })
    })
    expect(await answer).toEqual({ kind: 'withdrawn', request: 'request-1' })
    expect(await inner.list(['redeemed'])).toHaveLength(1)
  })
})

describe('F7, F9: no store, no grant', () => {
  test.each(['create', 'waitForAnswer'] as const)('a failing `%s` rejects', async method => {
    const { answer, pending } = hold({ store: storeWith({ [method]: down }) })
    await expect(answer).rejects.toThrow('store is down')
    await pending.catch(() => undefined)
  })

  test('a failing `redeem` rejects, although people granted', async () => {
    const { answer, say } = hold({ store: storeWith({ redeem: down }) })
    await say('granted')
    await expect(answer).rejects.toThrow('store is down')
  })

  test('a store that says granted and resolves with something unredeemed grants nothing', async () => {
    const inner = aStore(new HandClock())
    const redeem: ApprovalStore['redeem'] = async id => (await inner.get(id))!
    const { answer, say } = hold({ store: { ...inner, redeem } })
    await say('granted')
    await expect(answer).rejects.toEqual(coded('NOT_GRANTED'))
  })

  test('a failing `recompute` rejects and withdraws', async () => {
    const { answer, say, store } = hold({ recompute: down })
    await say('granted')
    await expect(answer).rejects.toThrow('store is down')
    expect(await store.list(['withdrawn'])).toHaveLength(1)
  })
})
