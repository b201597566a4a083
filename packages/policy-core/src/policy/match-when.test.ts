import { describe, expect, test } from 'vitest'
import { compileWhen, steadyUntil } from './match-when.ts'
import type { TimeWindow, When } from './policy.ts'

const window = (given: Partial<TimeWindow>): TimeWindow => ({ days: null, from: 0, to: 1_440, zone: 'UTC', ...given })
const during = (...windows: readonly TimeWindow[]): When => ({ windows, from: null, until: null })
const holds = (when: When, at: string) => compileWhen(when)(Date.parse(at))

describe('a time window', () => {
  const office = during(window({ days: ['mon', 'fri'], from: 480, to: 1_080, zone: 'Europe/Berlin' }))

  test.each([
    ['2026-01-05T06:59:59.999Z', false],
    ['2026-01-05T07:00:00Z', true],
    ['2026-01-05T16:59:59.999Z', true],
    ['2026-01-05T17:00:00Z', false],
    ['2026-01-06T12:00:00Z', false],
    // In summer the same clock is two hours ahead of UTC.
    ['2026-07-06T06:00:00Z', true],
    ['2026-07-06T16:30:00Z', false],
  ])('holds by the clock of its zone: %s %s', (at, expected) => {
    expect(holds(office, at)).toBe(expected)
  })

  test('over midnight, its days are those on which it begins', () => {
    const night = during(window({ days: ['fri'], from: 1_320, to: 360 }))
    expect(holds(night, '2026-01-09T21:59:00Z')).toBe(false)
    expect(holds(night, '2026-01-09T22:00:00Z')).toBe(true)
    expect(holds(night, '2026-01-10T05:59:00Z')).toBe(true)
    expect(holds(night, '2026-01-10T06:00:00Z')).toBe(false)
    // The night before Friday is Thursday's.
    expect(holds(night, '2026-01-09T03:00:00Z')).toBe(false)
  })

  test('an hour that summer time leaves out is never, and one that winter time repeats is twice', () => {
    const lost = during(window({ from: 120, to: 180, zone: 'Europe/Berlin' }))
    // 29 March 2026: from 01:59:59 to 03:00:00.
    expect(holds(lost, '2026-03-29T00:59:59Z')).toBe(false)
    expect(holds(lost, '2026-03-29T01:00:00Z')).toBe(false)
    // 25 October 2026: 02:30 comes at 00:30 and at 01:30 UTC.
    expect(holds(lost, '2026-10-25T00:30:00Z')).toBe(true)
    expect(holds(lost, '2026-10-25T01:30:00Z')).toBe(true)
    expect(holds(lost, '2026-10-25T02:00:00Z')).toBe(false)
  })

  test('zones of half an hour, and of a summer time of half an hour', () => {
    const noon = (zone: string) => during(window({ from: 720, to: 721, zone }))
    expect(holds(noon('Asia/Kolkata'), '2026-01-05T06:30:00Z')).toBe(true)
    expect(holds(noon('Australia/Lord_Howe'), '2026-01-05T01:00:00Z')).toBe(true)
    expect(holds(noon('Australia/Lord_Howe'), '2026-07-05T01:30:00Z')).toBe(true)
  })

  test('a clock that fails, or a zone that is not known, tells nothing', () => {
    for (const now of [Number.NaN, Infinity, -Infinity]) expect(compileWhen(office)(now)).toBeNull()
    expect(compileWhen(office)(9e15)).toBeNull()
    expect(holds(during(window({ zone: 'Mars/Olympus' })), '2026-01-05T12:00:00Z')).toBeNull()
  })

  test('from and until: the first moment is in, the last is out', () => {
    const when: When = { windows: null, from: 1_000, until: 2_000 }
    expect([999, 1_000, 1_999, 2_000].map(compileWhen(when))).toEqual([false, true, true, false])
  })
})

describe('what holds now holds until then', () => {
  const minute = 60_000

  test('windows change at whole minutes, moments where they are', () => {
    expect(steadyUntil(during(window({ from: 1 })), 61_234)).toBe(2 * minute)
    expect(steadyUntil({ windows: null, from: 5_000, until: 9_000 }, 1)).toBe(5_000)
    expect(steadyUntil({ windows: null, from: 5_000, until: 9_000 }, 5_000)).toBe(9_000)
    expect(steadyUntil({ windows: null, from: 5_000, until: 9_000 }, 9_000)).toBe(Infinity)
    expect(steadyUntil({ windows: [window({ from: 1 })], from: null, until: 61_000 }, 60_500)).toBe(61_000)
  })

  test.each(['Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'])(
    'in %s no window opens or closes within a minute of UTC, whatever the season',
    zone => {
      const when = during(window({ days: ['sun', 'tue'], from: 117, to: 173, zone }))
      const matches = compileWhen(when)
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 37 * minute)
        expect(matches(at)).toBe(matches(steadyUntil(when, at) - 1))
    },
  )
})
