import { setTimeout as sleep } from 'node:timers/promises'
import { loadGrammar } from '@querywarden/sql/postgres'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from '../governed-database.ts'

const list = (count: number): string => `select id from orders where id in (${Array(count).fill('1').join(',')})`
/** As much as the caps let pass. */
const HEAVIEST = list(49_000)

const HOSTILE: readonly (readonly [string, string])[] = [
  ['an IN list of a million', list(1_000_000)],
  ['an IN list of 100 000', list(100_000)],
  ['the longest IN list that the caps let pass', HEAVIEST],
  ['a literal of 5 MB', `select '${'x'.repeat(5_000_000)}'`],
  ['10 000 operators in a row', `select ${'1+'.repeat(10_000)}1`],
  ['20 000 parentheses', `select ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ['10 000 comments', `select 1 ${'/**/'.repeat(10_000)}`],
  ['1 000 unions', `select 1${' union select 1'.repeat(1_000)}`],
  [
    '1 000 joins',
    `select 1 from orders o0${Array.from({ length: 1_000 }, (_, at) => ` join orders o${at + 1} using (id)`).join('')}`,
  ],
  ['40 000 columns', `select ${'id,'.repeat(40_000)}id from orders`],
  ['30 000 statements', 'select 1;'.repeat(30_000)],
  ['masks in 400 places', `select 1 from ${Array.from({ length: 400 }, (_, at) => `customers c${at}`).join(',')}`],
  ['a thousand calls', `select ${'upper(name),'.repeat(1_000)}1 from customers`],
]

let governed: Governed
beforeAll(async () => {
  governed = await govern({ limits: { idleMsMax: 600_000, readMsMax: 50 } })
}, 60_000)
afterAll(() => governed.stop())

/** What a client gets, as one word; never a broken connection. */
const outcomeOf = async (client: Client, text: string): Promise<string> => {
  try {
    await client.query(text)
    return 'answered'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code'
    return /^[0-9A-Z]{5}$/.test(code) ? 'denied' : `broken: ${code}`
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** How long each of a control session's statements takes, one after the other. */
async function latencies(control: Client, isOver: () => boolean): Promise<readonly number[]> {
  const all: number[] = []
  while (!isOver()) {
    const startedMs = performance.now()
    await control.query(`select id from orders where id = ${all.length % 7}`)
    all.push(performance.now() - startedMs)
    await sleep(2)
  }
  return all
}

describe('T5: hostile texts through the gateway', () => {
  test.each(HOSTILE)('%s: answered or denied, and both sessions live on', async (_, text) => {
    const [attacker, control] = await Promise.all([governed.client(), governed.client()])
    expect(['answered', 'denied']).toContain(await outcomeOf(attacker, text))
    for (const client of [attacker, control])
      expect((await client.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 3 }])
    await Promise.all([attacker.end(), control.end()])
  })

  test('what takes too long says so, with what to do', async () => {
    const strict = await govern({ limits: { readMsMax: 1, readingThreadsMax: 1 } })
    const client = await strict.client()
    await expect(client.query(HEAVIEST)).rejects.toMatchObject({
      message: 'statement refused: reading it took longer than the 1 ms that it may: send it in parts',
    })
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    await strict.stop()
  }, 60_000)

  test('they leave the latency of a control session unharmed', async () => {
    const attackers = await Promise.all([governed.client(), governed.client(), governed.client()])
    const control = await governed.client()
    await latencies(control, after(50))
    const baseline = await latencies(control, after(100))

    const grammar = await loadGrammar(18)
    const parsingMs = performance.now()
    grammar.parse(HEAVIEST)
    const inPlaceMs = performance.now() - parsingMs

    let isOver = false
    const outcomes: string[] = []
    const attack = attackers.map(async (attacker, who) => {
      for (let round = 0; round < 12; round++) {
        const [, text = ''] = round % 3 === 2 ? (HOSTILE[(round + who) % HOSTILE.length] ?? []) : ['', HEAVIEST]
        outcomes.push(await outcomeOf(attacker, `${text} -- ${round} ${who}`))
        await sleep(20)
      }
    })
    const measured = latencies(control, () => isOver)
    await Promise.all(attack)
    isOver = true
    const attacked = await measured

    expect(outcomes.filter(outcome => outcome !== 'answered' && outcome !== 'denied')).toEqual([])
    expect(attacked.length).toBeGreaterThan(20)
    // Read in place, one such text after the other, they would leave it no turn but between two of them.
    expect(median(attacked)).toBeLessThan(Math.max(inPlaceMs / 3, 4 * median(baseline)))
    await Promise.all([...attackers, control].map(client => client.end()))
  }, 120_000)
})

const after = (count: number): (() => boolean) => {
  let left = count
  return () => left-- <= 0
}
