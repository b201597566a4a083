import type { LookupAddress } from 'node:dns'
import { expect, test, vi } from 'vitest'
import { nameLookup } from './name-lookup.ts'

const FIRST: LookupAddress[] = [{ address: '192.0.2.1', family: 4 }]
const SECOND: LookupAddress[] = [{ address: '192.0.2.2', family: 4 }]

/** A resolver that answers when it is told to. */
function slow() {
  const asked: { readonly answer: (addresses: LookupAddress[]) => void; readonly fail: () => void }[] = []
  let nowMs = 0
  const lookup = nameLookup({
    resolve: () =>
      new Promise((resolve, reject) => {
        asked.push({ answer: resolve, fail: () => reject(new Error('ENOTFOUND')) })
      }),
    monotonic: () => nowMs,
  })
  const look = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lookup('db.example', { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
    })
  return {
    asked,
    look,
    pass: (ms: number) => {
      nowMs += ms
    },
    one: () =>
      new Promise((resolve, reject) => {
        lookup('db.example', {}, (error, ...found) => (error === null ? resolve(found) : reject(error)))
      }),
  }
}

test('E11, F31: however many wait for a name that nobody resolves, one lookup is under way', async () => {
  const { asked, look, one } = slow()
  const all = Promise.all([...Array.from({ length: 50 }, look), one()])
  expect(asked).toHaveLength(1)
  asked[0]!.answer(FIRST)
  expect(await all).toEqual([...Array<unknown>(50).fill(FIRST), ['192.0.2.1', 4]])
})

test('an answer is good for five seconds, and a failure for those alone who waited', async () => {
  const { asked, look, pass } = slow()
  const failing = look()
  asked[0]!.fail()
  await expect(failing).rejects.toThrow('ENOTFOUND')
  const answered = look()
  asked[1]!.answer(FIRST)
  await answered
  pass(4_999)
  await look()
  expect(asked).toHaveLength(2)
  pass(1)
  const again = look()
  asked[2]!.answer(SECOND)
  expect(await again).toEqual(SECOND)
})

test('E11, F31: where the resolver hangs, what it last said holds for a while; where it says no, that does', async () => {
  vi.useFakeTimers()
  try {
    const { asked, look, pass } = slow()
    const first = look()
    asked[0]!.answer(FIRST)
    await first
    pass(60_000)
    const patient = look()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await patient).toEqual(FIRST)
    expect(asked).toHaveLength(2)
    const refused = look()
    asked[1]!.fail()
    await expect(refused).rejects.toThrow('ENOTFOUND')
    pass(300_000)
    let isDone = false
    const late = look().finally(() => {
      isDone = true
    })
    await vi.advanceTimersByTimeAsync(5_000)
    expect(isDone).toBe(false)
    asked[2]!.answer(SECOND)
    expect(await late).toEqual(SECOND)
  } finally {
    vi.useRealTimers()
  }
})
