import { expect, test } from 'vitest'
import { descriptorsMax, warnOfDescriptors } from './descriptors.ts'
import { type Log, openLog } from './log.ts'

test('F29: the soft limit is read as the kernel writes it, and no limit is none', () => {
  const line = (soft: string): string =>
    `Max processes             127698               127698               processes \nMax open files            ${soft}                 524288               files     \n`
  expect([descriptorsMax(line('1024')), descriptorsMax(line('unlimited')), descriptorsMax('')]).toEqual([
    1_024,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ])
})

test('F29: sessions that need more descriptors than the process may have are told of at the start, others are not', () => {
  const told: unknown[] = []
  const log: Log = { ...openLog('silent'), warn: fields => told.push(fields) }
  warnOfDescriptors(1, log)
  expect(told).toEqual([])
  warnOfDescriptors(1_000_000_000, log)
  expect(told).toEqual([{ descriptors: expect.any(Number), descriptorsNeeded: 3_000_000_100 }])
})
