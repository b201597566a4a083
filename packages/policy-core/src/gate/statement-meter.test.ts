import { describe, expect, test } from 'vitest'
import type { StatementRate } from '../policy/standing.ts'
import { StatementMeter } from './statement-meter.ts'

const ada = { issuer: 'i', subject: 'ada', groups: [] }
const bot = { issuer: 'i', subject: 'bot', groups: [] }
const rate = (perMinuteMax: number | null, perDayMax: number | null = null, of = ada): StatementRate => ({
  of,
  perMinuteMax,
  perDayMax,
})

function meterAt(nowMs: number, metersMax = 100) {
  const clock = { nowMs }
  const meter = new StatementMeter(() => clock.nowMs, { metersMax })
  return { clock, take: (rates: readonly StatementRate[], target = 'app') => meter.take(rates, target) }
}

/** How many of some tries get through, each a number of milliseconds after the one before. */
function through(tries: number, everyMs: number, rates: readonly StatementRate[]): number[] {
  const { clock, take } = meterAt(12_345)
  const taken: number[] = []
  for (let i = 0; i < tries; i++) {
    if (take(rates) === null) taken.push(clock.nowMs)
    clock.nowMs += everyMs
  }
  return taken
}

describe('A6: statements are counted', () => {
  test.each([1, 7, 250, 999, 1_000, 1_001, 5_900])('one each %i ms: never more than allowed in any minute', everyMs => {
    const taken = through(2_000, everyMs, [rate(10)])
    for (const since of taken)
      expect(taken.filter(at => at >= since && at < since + 60_000).length).toBeLessThanOrEqual(10)
    expect(taken.length).toBeGreaterThanOrEqual(10)
  })

  test('never more than allowed in any 24 hours', () => {
    const day = 24 * 3_600_000
    const taken = through(3_000, 120_000, [rate(null, 20)])
    for (const since of taken)
      expect(taken.filter(at => at >= since && at < since + day).length).toBeLessThanOrEqual(20)
    expect(taken.length).toBeGreaterThanOrEqual(60)
  })

  test('the hint says when to come again, and then it is so', () => {
    const { clock, take } = meterAt(500)
    for (let i = 0; i < 3; i++) expect(take([rate(3)])).toBeNull()
    const refusal = take([rate(3)])
    expect(refusal).toMatchObject({ code: 'LIMIT_EXCEEDED', rule: null })
    const [, seconds = ''] = /again in (\d+) s/.exec(refusal?.hint ?? '') ?? []
    clock.nowMs += Number(seconds) * 1_000
    expect(take([rate(3)])).toBeNull()
  })

  test('whoever tries while there are too many is no worse off for it', () => {
    const { clock, take } = meterAt(0)
    expect(take([rate(1)])).toBeNull()
    for (let i = 0; i < 62; i++) {
      clock.nowMs += 1_000
      if (take([rate(1)]) === null) return
    }
    expect.unreachable()
  })

  test('by person and by target; an agent by itself, whomever it acts for', () => {
    const { take } = meterAt(0)
    const eve = { ...ada, subject: 'eve' }
    expect(take([rate(1)])).toBeNull()
    expect(take([rate(1)])).not.toBeNull()
    expect(take([rate(1)], 'other')).toBeNull()
    expect(take([rate(1, null, eve), rate(1, null, bot)])).toBeNull()
    expect(take([rate(5), rate(1, null, bot)])).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('names that look alike joined are not the same', () => {
    const { take } = meterAt(0)
    expect(take([rate(1, null, { issuer: 'a","b', subject: 'c', groups: [] })])).toBeNull()
    expect(take([rate(1, null, { issuer: 'a', subject: 'b","c', groups: [] })])).toBeNull()
  })

  test('what is kept is bounded, and room is never made by giving somebody a new count', () => {
    const { clock, take } = meterAt(0, 2)
    const someone = (subject: string) => rate(1, null, { ...ada, subject })
    expect(take([someone('a')])).toBeNull()
    expect(take([someone('b')])).toBeNull()
    expect(take([someone('c')])).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(take([someone('a')])).not.toBeNull()
    clock.nowMs += 25 * 3_600_000
    expect(take([someone('c')])).toBeNull()
  })
})
