import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { after } from './timer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const DAY_MS = 86_400_000

test.each([0, 1, 5_000, 2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 400 * DAY_MS])(
  'O3: waits %d ms, not one less, however long that is',
  ms => {
    const action = vi.fn()
    after(ms, action)
    // Node fires a delay of more than 2^31 - 1 ms after 1 ms.
    for (let left = ms - 1; left > 0; left -= Math.min(left, 10 * DAY_MS)) {
      vi.advanceTimersByTime(Math.min(left, 10 * DAY_MS))
      expect(action).not.toHaveBeenCalled()
    }
    vi.advanceTimersByTime(1)
    expect(action).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(100 * DAY_MS)
    expect(action).toHaveBeenCalledOnce()
  },
)

test('what is over already runs at the next turn', () => {
  const action = vi.fn()
  after(-5, action)
  expect(action).not.toHaveBeenCalled()
  vi.advanceTimersByTime(0)
  expect(action).toHaveBeenCalledOnce()
})

test('O3: what never ends never runs', () => {
  const action = vi.fn()
  after(Number.POSITIVE_INFINITY, action)
  vi.advanceTimersByTime(100 * DAY_MS)
  expect(action).not.toHaveBeenCalled()
})

test.each([10, 100 * DAY_MS])('called off in the midst of %d ms it never runs', ms => {
  const action = vi.fn()
  const callOff = after(ms, action)
  vi.advanceTimersByTime(ms - 1)
  callOff()
  vi.advanceTimersByTime(100 * DAY_MS)
  expect(action).not.toHaveBeenCalled()
})
