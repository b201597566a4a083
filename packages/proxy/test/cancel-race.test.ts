import { connect, createServer } from 'node:net'
import { encodeQuery } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawLogin, sendCancel } from './raw-client.ts'

const PAIRS = 300

/** Connections that the gateway has made to the database. */
let connections = 0

async function counted(port: number): Promise<number> {
  // Half-open, as the connection itself is: the gateway waits for the database to close, and not for who is in between.
  const server = createServer({ allowHalfOpen: true }, socket => {
    connections += 1
    const database = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    for (const one of [socket, database]) one.on('error', () => undefined)
    socket.pipe(database).pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

describe.each([15, 18] as const)('E10: before PostgreSQL %d', major => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ major, via: counted, limits: { failedCancelsPerMinuteMax: 1_000_000 } })
  })
  afterAll(() => governed.stop())

  /** What a session answers to a statement, in one word. */
  const outcome = (lines: readonly string[]): 'done' | 'cancelled' | 'other' => {
    if (lines.at(-1) !== 'Z idle') return 'other'
    if (lines.at(-2)?.startsWith('C SELECT')) return 'done'
    return lines.at(-2)?.startsWith('E ERROR 57014') ? 'cancelled' : 'other'
  }

  test(`${PAIRS} cancels race the end of a statement: no other session and no later statement is ever hit`, {
    timeout: 240_000,
  }, async () => {
    const token = await governed.token()
    const [victim, bystander] = (await Promise.all([
      rawLogin(governed.gateway.postgres, token),
      rawLogin(governed.gateway.postgres, token),
    ])) as [RawClient, RawClient]
    const counts = { done: 0, cancelled: 0, other: 0 }
    let isOver = false
    let beside = 0
    const besides = (async () => {
      while (!isOver) {
        // Long enough to be hit by whatever goes astray.
        expect(outcome(await bystander.query('select count(*) from generate_series(1, 20000)'))).toBe('done')
        beside += 1
      }
    })()
    for (let i = 0; i < PAIRS; i++) {
      // From a statement that is over long before the cancel comes to one that is not.
      victim.send(encodeQuery({ query: `select count(*) from generate_series(1, ${1 + (i % 30) * 2_000})` }))
      const cancelled = pause(i % 3 === 0 ? 0 : i % 17).then(() => sendCancel(governed.gateway.postgres, victim.key))
      counts[outcome(await victim.until('Z'))] += 1
      // The gateway has the request, and may still be passing it on: what comes now is not what was meant.
      expect((await cancelled).text).toBe('')
      expect(outcome(await victim.query('select 1 from generate_series(1, 3000) limit 1'))).toBe('done')
    }
    isOver = true
    await besides
    expect(counts.other).toBe(0)
    // Both ends of the race were seen, or it was none.
    expect(counts.done).toBeGreaterThan(0)
    expect(counts.cancelled).toBeGreaterThan(0)
    expect(beside).toBeGreaterThan(PAIRS / 10)
    for (const client of [victim, bystander]) client.socket.destroy()
  })

  test('many at once stop what runs once, and open no connection each', async () => {
    const client = await rawLogin(governed.gateway.postgres, await governed.token())
    const long = client.query('select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b')
    await pause(100)
    const before = connections
    await Promise.all(Array.from({ length: 50 }, () => sendCancel(governed.gateway.postgres, client.key)))
    expect(outcome(await long)).toBe('cancelled')
    for (let i = 0; i < 20; i++) expect(outcome(await client.query('select 1'))).toBe('done')
    // One, or a few if the database took its time; the schema may have been read meanwhile.
    expect(connections - before).toBeLessThan(10)
    expect(connections - before).toBeGreaterThan(0)
    client.socket.destroy()
  })
})
