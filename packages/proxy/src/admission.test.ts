import { describe, expect, test } from 'vitest'
import { Admission } from './admission.ts'

describe('O2: places are bounded', () => {
  test('sessions by their limit, and leaving twice frees one place', () => {
    const admission = new Admission({ sessionsMax: 2 })
    const leave = admission.seat()!
    expect(admission.seat()).not.toBeNull()
    expect(admission.seat()).toBeNull()
    leave()
    leave()
    expect(admission.seat()).not.toBeNull()
    expect(admission.seat()).toBeNull()
  })

  test.each([
    [1, 4],
    [100_000, 1_000],
  ])('of %d sessions, connections that have not logged in by %d', (sessionsMax, strangersMax) => {
    const admission = new Admission({ sessionsMax })
    for (let i = 0; i < strangersMax; i++) expect(admission.greet()).not.toBeNull()
    expect(admission.greet()).toBeNull()
  })

  test('O1: while it sheds, whoever knocks is heard but nobody new is let in; who left leaves a place', () => {
    const admission = new Admission({ sessionsMax: 2 })
    const leave = admission.seat()!
    admission.shed('the gateway is overloaded')
    expect([admission.shedding, admission.isOpen, admission.seat()]).toEqual(['the gateway is overloaded', true, null])
    expect(admission.greet()).not.toBeNull()
    leave()
    admission.shed(null)
    expect([admission.seat(), admission.seat()]).not.toContain(null)
  })

  test('nobody is let in after the end', () => {
    const admission = new Admission({ sessionsMax: 2 })
    admission.close()
    expect([admission.isOpen, admission.greet(), admission.seat()]).toEqual([false, null, null])
  })
})
