import { describe, expect, test } from 'vitest'
import { Admission, type AdmissionLimits } from './admission.ts'
import type { Stranger } from './strangers.ts'

const LIMITS: AdmissionLimits = {
  sessionsMax: 2,
  sessionsPerIdentityMax: 2,
  failedLoginsPerMinuteMax: 100_000,
  failedCancelsPerMinuteMax: 2,
}
let nowMs = 0
const open = (limits: Partial<AdmissionLimits> = {}): Admission =>
  new Admission(
    () => ({ ...LIMITS, ...limits }),
    () => nowMs,
  )
const seatOf = (admission: Admission, identity = 'ada'): string => {
  const seat = admission.seat(identity)
  return seat.kind === 'taken' ? 'taken' : seat.why
}
const speaking = (address = '192.0.2.1'): Stranger => ({ address, isSilent: () => false, drop: () => undefined })
const greetingOf = (admission: Admission, address?: string): string => {
  const greeting = admission.greet(speaking(address))
  return greeting.kind === 'welcome' ? 'welcome' : greeting.why
}

describe('O2: places are bounded', () => {
  test('sessions by their limit, and leaving twice frees one place', () => {
    const admission = open()
    const seat = admission.seat('ada')
    expect([seat.kind, seatOf(admission), seatOf(admission, 'grace')]).toEqual(['taken', 'taken', 'sessions'])
    if (seat.kind === 'taken') {
      seat.leave()
      seat.leave()
    }
    expect([seatOf(admission), seatOf(admission, 'grace')]).toEqual(['taken', 'sessions'])
  })

  test('F29: of one identity by its own, which leaves room for others', () => {
    const admission = open({ sessionsMax: 4, sessionsPerIdentityMax: 1 })
    const seat = admission.seat('ada')
    expect([seatOf(admission), seatOf(admission, 'grace'), seatOf(admission, 'grace')]).toEqual([
      'identity',
      'taken',
      'identity',
    ])
    if (seat.kind === 'taken') seat.leave()
    expect(seatOf(admission)).toBe('taken')
  })

  test.each([
    [1, 4],
    [100_000, 1_000],
  ])('of %d sessions, connections that have not logged in by %d', (sessionsMax, strangersMax) => {
    const admission = open({ sessionsMax })
    for (let i = 0; i < strangersMax; i++) expect(greetingOf(admission, `192.0.2.${i % 200}`)).toBe('welcome')
    expect(greetingOf(admission, '198.51.100.1')).toBe('strangers')
  })

  test('F29: one address takes no more than a part of those', () => {
    const admission = open({ sessionsMax: 100_000 })
    const all = Array.from({ length: 251 }, () => greetingOf(admission))
    expect([all.filter(one => one === 'welcome').length, all.at(-1)]).toEqual([250, 'address'])
    expect(greetingOf(admission, '198.51.100.1')).toBe('welcome')
  })

  test('O1: while it sheds, whoever knocks is heard but nobody new is let in; who left leaves a place', () => {
    const admission = open()
    const seat = admission.seat('ada')
    admission.shed('the gateway is overloaded')
    expect([admission.shedding, admission.isOpen, seatOf(admission)]).toEqual([
      'the gateway is overloaded',
      true,
      'shedding',
    ])
    expect(greetingOf(admission)).toBe('welcome')
    if (seat.kind === 'taken') seat.leave()
    admission.shed(null)
    expect([seatOf(admission), seatOf(admission)]).toEqual(['taken', 'taken'])
  })

  test('F25: nobody gets a session after the end, but a cancel request still finds a place', () => {
    const admission = open()
    admission.close()
    expect([admission.isOpen, greetingOf(admission), seatOf(admission)]).toEqual([false, 'welcome', 'closed'])
  })

  test('a limit that a reload changes holds from then on, and nobody is thrown out', () => {
    let sessionsMax = 1
    const admission = new Admission(
      () => ({ ...LIMITS, sessionsMax }),
      () => 0,
    )
    expect([seatOf(admission), seatOf(admission)]).toEqual(['taken', 'sessions'])
    sessionsMax = 2
    expect([seatOf(admission), seatOf(admission)]).toEqual(['taken', 'identity'])
  })
})

describe('F29: who says nothing keeps nobody out', () => {
  /** Takes all 1 000 places by 250 each of four addresses, one after the other; tells who is dropped. */
  const crowd = (isSilent: (address: string, n: number) => boolean): { admission: Admission; dropped: string[] } => {
    const admission = open({ sessionsMax: 100_000 })
    const dropped: string[] = []
    for (let n = 0; n < 250; n++) {
      for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) {
        const drop = (): void => void dropped.push(`${address} ${n}`)
        const { kind } = admission.greet({ address, isSilent: () => isSilent(address, n), drop })
        expect(kind).toBe('welcome')
      }
    }
    return { admission, dropped }
  }

  test('the oldest silent one of the network with the most places makes room', () => {
    const { admission, dropped } = crowd((address, n) => address === '192.0.2.3' && n >= 7)
    expect([greetingOf(admission, '198.51.100.1'), dropped]).toEqual(['welcome', ['192.0.2.3 7']])
  })

  test('those of the networks that have less are left alone', () => {
    const { admission, dropped } = crowd(() => true)
    const few = { address: '198.51.100.1', isSilent: () => true, drop: (): void => void dropped.push('few') }
    expect(admission.greet(few).kind).toBe('welcome')
    for (let n = 0; n < 500; n++) expect(greetingOf(admission, `203.0.113.${n % 250}`)).toBe('welcome')
    expect([dropped.length, dropped.includes('few')]).toEqual([501, false])
  })

  test('whoever has begun to speak is never dropped, nor anybody for one who has failed too often', () => {
    expect(greetingOf(crowd(() => false).admission, '198.51.100.1')).toBe('strangers')
    const admission = open({ sessionsMax: 4, failedLoginsPerMinuteMax: 10 })
    let dropped = 0
    const silent = (address: string): Stranger => ({ address, isSilent: () => true, drop: () => void dropped++ })
    for (const address of ['192.0.2.1', '192.0.2.2'])
      for (let n = 0; n < 10; n++) expect(admission.greet(silent(address)).kind).toBe('welcome')
    const before = dropped
    expect(before).toBe(4)
    expect([greetingOf(admission, '192.0.2.2'), dropped]).toEqual(['attempts', before])
  })
})

describe('F29: attempts of one address are bounded', () => {
  test('logins that fail count, those that do not are given back, and a minute gives all back', () => {
    const admission = open({ sessionsMax: 100, failedLoginsPerMinuteMax: 3 })
    for (let i = 0; i < 10; i++) {
      const greeting = admission.greet(speaking())
      if (greeting.kind !== 'welcome') throw new Error('expected a welcome')
      greeting.forgive()
      greeting.forgive()
      greeting.leave()
    }
    const four = (): string[] => Array.from({ length: 4 }, () => greetingOf(admission))
    expect(four()).toEqual(['welcome', 'welcome', 'welcome', 'attempts'])
    expect(greetingOf(admission, '192.0.2.2')).toBe('welcome')
    nowMs += 20_000
    expect(four().slice(0, 2)).toEqual(['welcome', 'attempts'])
    nowMs += 3_600_000
    expect(four()).toEqual(['welcome', 'welcome', 'welcome', 'attempts'])
  })

  test('E10: so do cancel requests with a wrong key, apart from logins', () => {
    const admission = open()
    admission.cancel('192.0.2.1')?.()
    expect([admission.cancel('192.0.2.1'), admission.cancel('192.0.2.1')]).not.toContain(null)
    expect(admission.cancel('192.0.2.1')).toBeNull()
    expect(greetingOf(admission)).toBe('welcome')
  })
})
