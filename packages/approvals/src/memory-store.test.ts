import { describe, expect, test } from 'vitest'
import { aQuestion, aQuestionWithTerms, aStore, asker, HandClock, NOON, person } from '../test/a-question.ts'

const grant = (subject: string) => ({ answer: 'granted', by: person(subject), reason: '' }) as const
const coded = (code: string): unknown => expect.objectContaining({ name: 'ApprovalError', code })

describe('A2: a granted request is redeemed once', () => {
  test('of 1 000 concurrent redemptions exactly one succeeds', async () => {
    const store = aStore(new HandClock())
    const { id, digest } = await store.create(aQuestion())
    await store.answer(id, grant('dora'))
    const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, () => store.redeem(id, digest)))
    expect(outcomes.filter(outcome => outcome.status === 'fulfilled')).toHaveLength(1)
    const reasons = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    expect(new Set(reasons)).toEqual(new Set(['NOT_GRANTED']))
  })

  test('a digest of anything else redeems nothing, and the request stays as it was', async () => {
    const store = aStore(new HandClock())
    const { id, digest } = await store.create(aQuestion())
    const other = await store.create(aQuestion())
    expect(other.digest).not.toBe(digest)
    await store.answer(id, grant('dora'))
    await expect(store.redeem(id, other.digest)).rejects.toEqual(coded('DIGEST_DIFFERS'))
    expect((await store.get(id))?.state).toBe('granted')
  })

  test('a pending request can’t be redeemed', async () => {
    const store = aStore(new HandClock())
    const { id, digest } = await store.create(aQuestion())
    await expect(store.redeem(id, digest)).rejects.toEqual(coded('NOT_GRANTED'))
    await expect(store.redeem('another', digest)).rejects.toEqual(coded('NOT_FOUND'))
  })
})

describe('F8: late is never', () => {
  test('an answer at the moment of expiry is refused', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const { id, expiresAt } = await store.create(aQuestion())
    clock.setWall(expiresAt)
    await expect(store.answer(id, grant('dora'))).rejects.toEqual(coded('EXPIRED'))
    expect((await store.get(id))?.state).toBe('expired')
  })

  test('a grant that is not redeemed in time is worth nothing', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const { id, digest, expiresAt } = await store.create(aQuestion())
    await store.answer(id, grant('dora'))
    clock.setWall(expiresAt)
    await expect(store.redeem(id, digest)).rejects.toEqual(coded('EXPIRED'))
    clock.setWall(NOON)
    await expect(store.redeem(id, digest), 'setting the clock back revives nothing').rejects.toEqual(coded('EXPIRED'))
  })

  test('a request ends no later than the credential of who asked', async () => {
    const store = aStore(new HandClock())
    const request = await store.create(aQuestion({ principal: { ...asker, expiresAt: NOON + 1000 } }))
    expect(request.expiresAt).toBe(NOON + 1000)
  })
})

describe('a quorum counts people', () => {
  test('two are needed, and one person twice is still one', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestionWithTerms({ quorum: 2 }))
    expect((await store.answer(id, grant('dora'))).state).toBe('pending')
    await expect(store.answer(id, grant('dora'))).rejects.toEqual(coded('ALREADY_ANSWERED'))
    expect((await store.answer(id, grant('emil'))).state).toBe('granted')
  })

  test('one denial settles it', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestionWithTerms({ quorum: 2 }))
    await store.answer(id, grant('dora'))
    expect((await store.answer(id, { ...grant('emil'), answer: 'denied' })).state).toBe('denied')
    await expect(store.answer(id, grant('fred'))).rejects.toEqual(coded('NOT_PENDING'))
  })

  test('a quorum of zero still needs somebody', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestionWithTerms({ quorum: 0 }))
    expect((await store.get(id))?.state).toBe('pending')
    expect((await store.answer(id, grant('dora'))).state).toBe('granted')
  })
})

describe('O2: memory is bounded', () => {
  test('beyond the bound of one asker that asker is refused and another is not', async () => {
    const store = aStore(new HandClock(), { requestsPerPrincipalMax: 2 })
    const first = await store.create(aQuestion())
    await store.create(aQuestion())
    await expect(store.create(aQuestion())).rejects.toEqual(coded('TOO_MANY_REQUESTS'))
    await store.create(aQuestion({ principal: person('zoe') }))
    await store.withdraw(first.id)
    expect((await store.create(aQuestion())).state).toBe('pending')
  })

  test('beyond the bound of all everybody is refused, until requests expire', async () => {
    const clock = new HandClock()
    const store = aStore(clock, { requestsMax: 2 })
    await store.create(aQuestion())
    const { expiresAt } = await store.create(aQuestion({ principal: person('zoe') }))
    await expect(store.create(aQuestion({ principal: person('yan') }))).rejects.toEqual(coded('TOO_MANY_REQUESTS'))
    clock.setWall(expiresAt)
    expect((await store.create(aQuestion())).state).toBe('pending')
  })

  test('of settled requests only the latest are kept', async () => {
    const store = aStore(new HandClock(), { settledMax: 2 })
    for (let i = 0; i < 5; i++) await store.withdraw((await store.create(aQuestion())).id)
    expect((await store.list(['withdrawn'])).map(request => request.id)).toEqual(['request-4', 'request-5'])
  })
})

describe('O2, I4: a request holds no more than is needed', () => {
  const withValue = (value: string | Uint8Array) =>
    aQuestion({
      canonical: 'c',
      statement: { dialect: 'postgres', text: 'é', params: [{ typeOid: 25, format: 'text', value }] },
    })

  test.each<[string, string | Uint8Array]>([
    ['text', 'xé'],
    ['bytes', new Uint8Array(3)],
  ])('a question is counted in bytes, values of %s too', async (_, value) => {
    const six = aStore(new HandClock(), { questionBytesMax: 6 })
    const five = aStore(new HandClock(), { questionBytesMax: 5 })
    expect((await six.create(withValue(value))).state).toBe('pending')
    await expect(five.create(withValue(value))).rejects.toEqual(coded('TOO_LARGE'))
    expect(await five.list(['pending'])).toEqual([])
  })

  test('values are kept while the request is open, and forgotten however it is settled', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const made = await Promise.all(Array.from({ length: 5 }, () => store.create(withValue('512-84-7731'))))
    const [granted, denied, withdrawn, expired, overdue] = made.map(({ id }) => id)
    await store.answer(granted!, grant('dora'))
    expect((await store.get(granted!))?.question.statement.params[0]?.value).toBe('512-84-7731')
    expect((await store.redeem(granted!, made[0]!.digest)).state).toBe('redeemed')
    await store.answer(denied!, { ...grant('dora'), answer: 'denied' })
    await store.withdraw(withdrawn!)
    await store.expire(expired!)
    clock.setWall(made[4]!.expiresAt)
    expect((await store.get(overdue!))?.state).toBe('expired')
    const settled = await store.list(['redeemed', 'denied', 'withdrawn', 'expired'])
    expect(settled).toHaveLength(5)
    expect(JSON.stringify(settled)).not.toContain('512-84-7731')
  })
})

describe('A1: what people see is what was asked', () => {
  test('a buffer that changes after asking changes neither the request nor its digest', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    const store = aStore(new HandClock())
    const statement = { ...aQuestion().statement, params: [{ typeOid: 17, format: 'binary', value: bytes }] as const }
    const { id } = await store.create(aQuestion({ statement }))
    bytes.fill(9)
    expect((await store.get(id))?.question.statement.params[0]?.value).toEqual(new Uint8Array([1, 2, 3]))
  })

  test('an id that is taken is refused, so no request can take another’s place', async () => {
    const store = aStore(new HandClock(), { newId: () => 'same' })
    await store.create(aQuestion())
    await expect(store.create(aQuestion())).rejects.toEqual(coded('ID_TAKEN'))
  })
})

describe('waiting', () => {
  test('every waiter hears of the answer; one that gives up hears of its own signal', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestion())
    const leaving = new AbortController()
    const staying = [1, 2].map(() => store.waitForAnswer(id, new AbortController().signal))
    const left = store.waitForAnswer(id, leaving.signal)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    await store.answer(id, grant('dora'))
    expect((await Promise.all(staying)).map(request => request.state)).toEqual(['granted', 'granted'])
    expect((await store.waitForAnswer(id, new AbortController().signal)).state).toBe('granted')
    await expect(store.waitForAnswer('another', new AbortController().signal)).rejects.toEqual(coded('NOT_FOUND'))
  })
})
