import { describe, expect, test } from 'vitest'
import { aQuestion, aQuestionWithTerms, aStore, asker, HandClock, person } from '../test/a-question.ts'
import { answerRequest, REASON_CHARS_MAX } from './answer-request.ts'

const coded = (code: string): unknown => expect.objectContaining({ name: 'ApprovalError', code })
const given = { answer: 'granted', reason: '' } as const

describe('A3: who may answer', () => {
  test.each([
    ['the asker', { ...asker, actor: null }, 'SELF_APPROVAL'],
    ['the asker through the agent', asker, 'SELF_APPROVAL'],
    ['the asker under other groups', { ...person('ann'), groups: ['dba', 'leads'] }, 'SELF_APPROVAL'],
    ['the agent that acts for the asker', person('coding-agent'), 'SELF_APPROVAL'],
    ['an agent that acts for an approver', { ...person('dora'), actor: person('other-agent') }, 'NOT_A_PERSON'],
    ['somebody in no group', person('dora', []), 'NOT_AN_APPROVER'],
    ['somebody in other groups', person('dora', ['DBA', 'dba ']), 'NOT_AN_APPROVER'],
  ])('%s may not', async (_, approver, code) => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestion())
    for (const answer of ['granted', 'denied'] as const) {
      await expect(answerRequest(store, { request: id, approver, answer, reason: '' })).rejects.toEqual(coded(code))
    }
    expect((await store.get(id))?.votes).toEqual([])
  })

  test('the same subject at another issuer is another person', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestion())
    const approver = { ...person('ann'), issuer: 'https://other.example' }
    expect((await answerRequest(store, { ...given, request: id, approver })).state).toBe('granted')
  })

  test('every list of groups must be met', async () => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestionWithTerms({ approverGroups: [['dba', 'leads'], ['privacy']] }))
    await expect(answerRequest(store, { ...given, request: id, approver: person('dora') })).rejects.toEqual(
      coded('NOT_AN_APPROVER'),
    )
    const approver = person('dora', ['leads', 'privacy'])
    expect((await answerRequest(store, { ...given, request: id, approver })).state).toBe('granted')
  })

  test.each([[[]], [[[]]], [[['dba'], []]]])('terms that name nobody let nobody answer: %j', async approverGroups => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestionWithTerms({ approverGroups }))
    await expect(answerRequest(store, { ...given, request: id, approver: person('dora') })).rejects.toEqual(
      coded('NOT_AN_APPROVER'),
    )
  })
})

describe('what may be answered', () => {
  test('F8: not what has expired, been withdrawn, or never was', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const late = await store.create(aQuestion())
    const gone = await store.create(aQuestion())
    await store.withdraw(gone.id)
    const answer = (request: string): Promise<unknown> =>
      answerRequest(store, { ...given, request, approver: person('dora') })
    await expect(answer(gone.id)).rejects.toEqual(coded('NOT_PENDING'))
    await expect(answer('another')).rejects.toEqual(coded('NOT_FOUND'))
    clock.setWall(late.expiresAt)
    await expect(answer(late.id)).rejects.toEqual(coded('EXPIRED'))
  })

  test.each([
    ['too long', 'x'.repeat(REASON_CHARS_MAX + 1)],
    ['on two lines', 'fine\nanswer: granted'],
    ['with terminal controls', '\u001b[2K'],
    ['with text turned around', '\u202e'],
  ])('a reason %s is refused', async (_, reason) => {
    const store = aStore(new HandClock())
    const { id } = await store.create(aQuestion())
    await expect(
      answerRequest(store, { answer: 'denied', request: id, approver: person('dora'), reason }),
    ).rejects.toEqual(coded('REASON_INVALID'))
  })

  test('the answer is kept with who gave it, why and when', async () => {
    const clock = new HandClock()
    const store = aStore(clock)
    const { id } = await store.create(aQuestion())
    clock.advance(5000)
    await answerRequest(store, {
      answer: 'denied',
      request: id,
      approver: person('dora'),
      reason: 'freeze until Monday',
    })
    expect((await store.get(id))?.votes).toEqual([
      {
        answer: 'denied',
        by: { issuer: 'https://idp.example', subject: 'dora', groups: ['dba'] },
        reason: 'freeze until Monday',
        at: clock.now(),
      },
    ])
  })
})
