import { describe, expect, test } from 'vitest'
import { Attempts, networkOf } from './attempts.ts'

describe('F29: who an address belongs to', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:0'],
    ['2001:db8:1:ff::1', '2001:db8:1:0'],
    ['2001:db8:1:12ff::1', '2001:db8:1:1200'],
    ['2001:0db8:0001:1202::1', '2001:db8:1:1200'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['', ''],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('F29: memory of addresses', () => {
  test('is bounded, whoever comes, and forgets who has failed longest ago', () => {
    const attempts = new Attempts({ perMinute: () => 1, monotonic: () => 0 })
    attempts.take('first')
    for (let i = 0; i < 50_000; i++) expect(attempts.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)).not.toBeNull()
    expect(attempts.size).toBeLessThanOrEqual(10_000)
    expect(attempts.take('10.0.195.79'), 'the last is still known').toBeNull()
  })

  test('forgets those first who have all their attempts again', () => {
    let nowMs = 0
    const attempts = new Attempts({ perMinute: () => 1, monotonic: () => nowMs })
    for (let i = 0; i < 9_999; i++) attempts.take(`old ${i}`)
    nowMs = 60_000
    attempts.take('new')
    expect(attempts.size).toBe(10_000)
    attempts.take('newer')
    expect(attempts.size).toBe(2)
    expect(attempts.take('new')).toBeNull()
  })
})
