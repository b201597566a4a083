import { describe, expect, test } from 'vitest'
import { circuitBreaker } from './circuit-breaker.ts'
import { UpstreamError } from './postgres/upstream-error.ts'

describe('F19: a database that can not be reached', () => {
  const gone = new UpstreamError('UNREACHABLE', 'nobody there')

  function tried(random = 1) {
    const state = { nowMs: 0, asked: 0, answer: (): Promise<string> => Promise.reject(gone) }
    const attempt = circuitBreaker(
      () => {
        state.asked += 1
        return state.answer()
      },
      { monotonic: () => state.nowMs, random: () => random },
    )
    return { state, attempt: () => attempt().catch((error: Error) => error.message) }
  }

  test('is left alone after five failures in a row, for longer each time, up to a bound', async () => {
    const { state, attempt } = tried()
    for (let i = 0; i < 5; i++) expect(await attempt()).toBe('nobody there')
    const pauses: number[] = []
    for (let round = 0; round < 8; round++) {
      const startMs = state.nowMs
      const { asked } = state
      while (state.asked === asked) {
        state.nowMs += 100
        const said = await attempt()
        if (state.asked === asked) expect(said).toMatch(/tried again in \d+ s/)
      }
      pauses.push(state.nowMs - startMs)
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
  })

  test('is asked by one for all when the time is over, and by everybody once it answers', async () => {
    const { state, attempt } = tried()
    for (let i = 0; i < 5; i++) await attempt()
    state.nowMs += 500
    let answer: (value: string) => void = () => undefined
    state.answer = () =>
      new Promise(resolve => {
        answer = resolve
      })
    const first = attempt()
    expect(await attempt()).toMatch(/tried again/)
    expect(state.asked).toBe(6)
    answer('there')
    expect(await first).toBe('there')
    state.answer = () => Promise.resolve('there')
    expect(await Promise.all([attempt(), attempt(), attempt()])).toEqual(['there', 'there', 'there'])
  })

  test('waits for a time that no two gateways share', async () => {
    for (const [random, pauseMs] of [
      [0, 250],
      [1, 500],
    ] as const) {
      const { state, attempt } = tried(random)
      for (let i = 0; i < 5; i++) await attempt()
      state.nowMs = pauseMs - 1
      await attempt()
      expect(state.asked).toBe(5)
      state.nowMs = pauseMs
      await attempt()
      expect(state.asked).toBe(6)
    }
  })

  test('is another thing than one that refuses: that is told each time', async () => {
    const { state, attempt } = tried()
    state.answer = () => Promise.reject(new UpstreamError('AUTHENTICATION', 'wrong password'))
    for (let i = 0; i < 20; i++) expect(await attempt()).toBe('wrong password')
    expect(state.asked).toBe(20)
  })
})
