import type { ReplayMoment } from '@querywarden/recording'
import { describe, expect, test } from 'vitest'
import { type Key, play } from './replay-player.ts'

async function* moments(...all: readonly ReplayMoment[]): AsyncGenerator<ReplayMoment> {
  yield* all
}

const moment = (line: string, monotonic: number, isStatement = false): ReplayMoment => ({
  monotonic,
  isStatement,
  lines: [line],
})

const SESSION = [
  moment('opened', 0),
  moment('#1', 1_000, true),
  moment('#1 done', 9_000),
  moment('#2', 10_000, true),
  moment('closed', 11_000),
]

/** Plays to a screen whose keys are given, one a wait, and whose time passes by itself. */
async function watched(keys: readonly (Key | null)[], pace = { speed: 1, pauseMsMax: 2_000 }) {
  const log: string[] = []
  const left = [...keys]
  await play(
    moments(...SESSION),
    {
      write: text => log.push(text.trim()),
      keyWithin: async ms => {
        const key = left.shift() ?? null
        log.push(`${key ?? 'nothing'} within ${Math.round(ms / 10) * 10}`)
        return key
      },
    },
    pace,
  )
  return log.filter(line => !line.startsWith('nothing within 0'))
}

describe('a replay', () => {
  test('is told in its time, long pauses cut', async () => {
    expect(await watched([])).toEqual([
      'opened',
      'nothing within 1000',
      '#1',
      'nothing within 2000',
      '#1 done',
      'nothing within 1000',
      '#2',
      'nothing within 1000',
      'closed',
    ])
  })

  test('goes faster and slower', async () => {
    const log = await watched([null, 'faster', null, null, 'slower'])
    expect(log.slice(1, 9)).toEqual([
      'faster within 1000',
      'nothing within 500',
      '#1',
      'nothing within 2000',
      '#1 done',
      'slower within 500',
      'nothing within 1000',
      '#2',
    ])
  })

  test('stands still while it is paused, until a key', async () => {
    const log = await watched([null, 'pause', 'faster', 'pause', null])
    expect(log.slice(1, 6)).toEqual([
      'pause within 1000',
      '-- paused: space goes on, → next statement, q quits --',
      'faster within 2147483650',
      'pause within 2147483650',
      '\u001b[K',
    ])
  })

  test('skips to the next statement, and tells what comes before it at once', async () => {
    expect(await watched([null, null, 'next'])).toEqual([
      'opened',
      'nothing within 1000',
      '#1',
      'next within 2000',
      '#1 done',
      '#2',
      'nothing within 1000',
      'closed',
    ])
  })

  test('ends when it is left', async () => {
    expect(await watched([null, null, 'quit'])).toEqual(['opened', 'nothing within 1000', '#1', 'quit within 2000'])
  })
})
