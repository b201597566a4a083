import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aQuestionWithTerms, aStore, HandClock, person } from '../test/a-question.ts'
import { APPROVAL_STATES, type ApprovalState } from './approval-request.ts'
import type { ApprovalStore } from './approval-store.ts'
import { TRANSITIONS } from './transition.ts'

interface Modelled {
  state: ApprovalState
  readonly digest: string
  readonly expiresAt: number
  readonly people: Set<string>
  redemptions: number
}
type Model = Map<string, Modelled>
interface Real {
  readonly store: ApprovalStore
  readonly clock: HandClock
}
type Command = fc.AsyncCommand<Model, Real>

const QUORUM = 2
const final: readonly ApprovalState[] = ['redeemed', 'denied', 'expired', 'withdrawn']
const outcome = (work: Promise<{ readonly state: ApprovalState }>): Promise<string> =>
  work.then(
    request => request.state,
    error => String(error.code),
  )
const pick = (model: Model, index: number): [string, Modelled] => [...model][index % model.size]!

/** Something done to one of the requests: what the model expects, and what the store does. */
const onOne = (
  name: string,
  index: number,
  expected: (request: Modelled, now: number) => string,
  act: (store: ApprovalStore, id: string, request: Modelled) => Promise<{ readonly state: ApprovalState }>,
): Command => ({
  check: model => model.size > 0,
  toString: () => `${name}(${index})`,
  async run(model, { store, clock }) {
    const [id, request] = pick(model, index)
    if (!final.includes(request.state) && clock.now() >= request.expiresAt) request.state = 'expired'
    const before = request.state
    const wanted = expected(request, clock.now())
    expect(await outcome(act(store, id, request))).toBe(wanted)
    expect((await store.get(id))?.state).toBe(request.state)
    expect(before === request.state || TRANSITIONS[before].includes(request.state)).toBe(true)
    expect(request.redemptions).toBeLessThanOrEqual(1)
  },
})

const create = (expiresMs: number): Command => ({
  check: model => model.size < 20,
  toString: () => `create(${expiresMs})`,
  async run(model, { store }) {
    const { id, digest, expiresAt } = await store.create(aQuestionWithTerms({ quorum: QUORUM, expiresMs }))
    model.set(id, { state: 'pending', digest, expiresAt, people: new Set(), redemptions: 0 })
  },
})

const answer = (index: number, subject: string, word: 'granted' | 'denied'): Command =>
  onOne(
    `${subject} ${word}`,
    index,
    request => {
      if (request.state === 'expired') return 'EXPIRED'
      if (request.state !== 'pending') return 'NOT_PENDING'
      if (request.people.has(subject)) return 'ALREADY_ANSWERED'
      request.people.add(subject)
      if (word === 'denied') request.state = 'denied'
      else if (request.people.size >= QUORUM) request.state = 'granted'
      return request.state
    },
    (store, id) => store.answer(id, { answer: word, by: person(subject), reason: '' }),
  )

const redeem = (index: number, isRight: boolean): Command =>
  onOne(
    `redeem ${isRight}`,
    index,
    request => {
      if (request.state === 'expired') return 'EXPIRED'
      if (request.state !== 'granted') return 'NOT_GRANTED'
      if (!isRight) return 'DIGEST_DIFFERS'
      request.state = 'redeemed'
      request.redemptions += 1
      return 'redeemed'
    },
    (store, id, request) => store.redeem(id, isRight ? request.digest : 'another'),
  )

const end = (index: number, how: 'withdraw' | 'expire'): Command =>
  onOne(
    how,
    index,
    request => {
      if (!final.includes(request.state)) request.state = how === 'withdraw' ? 'withdrawn' : 'expired'
      return request.state
    },
    (store, id) => store[how](id),
  )

const advance = (ms: number): Command => ({
  check: () => true,
  toString: () => `advance(${ms})`,
  async run(_, { clock }) {
    clock.advance(ms)
  },
})

describe('A2: the life of a request', () => {
  test('any sequence of what can happen leads where the model says', async () => {
    const index = fc.nat(19)
    const word = fc.constantFrom('granted' as const, 'granted' as const, 'denied' as const)
    const commands = fc.commands(
      [
        fc.integer({ min: 1, max: 1000 }).map(create),
        fc.tuple(index, fc.constantFrom('dora', 'emil', 'fred'), word).map(args => answer(...args)),
        fc.tuple(index, fc.boolean()).map(args => redeem(...args)),
        fc.tuple(index, fc.constantFrom('withdraw' as const, 'expire' as const)).map(args => end(...args)),
        fc.integer({ min: 0, max: 300 }).map(advance),
      ],
      { maxCommands: 60 },
    )
    await fc.assert(
      fc.asyncProperty(commands, async run => {
        const clock = new HandClock()
        await fc.asyncModelRun(() => ({ model: new Map(), real: { clock, store: aStore(clock) } }), run)
      }),
      { numRuns: 300 },
    )
  })

  test('final states have no way out, and every state but the first has a way in', () => {
    for (const state of final) expect(TRANSITIONS[state]).toEqual([])
    const reachable = new Set(APPROVAL_STATES.flatMap(state => TRANSITIONS[state]))
    expect(APPROVAL_STATES.filter(state => !reachable.has(state))).toEqual([])
    expect(TRANSITIONS.pending).not.toContain('redeemed')
  })
})
