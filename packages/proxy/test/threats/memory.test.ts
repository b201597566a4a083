import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodeCopyData, encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA } from '../governed-database.ts'
import { bind, execute, parse, type RawClient } from '../raw-client.ts'
import { patientLogin } from './patient-login.ts'
import { within } from './within.ts'

const MIB = 1024 * 1024

let governed: Governed
beforeAll(async () => {
  governed = await govern({
    schema: SCHEMA,
    policy: `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read, write, transaction, session], relations: ["public.*"] } }
  - { id: starts, decision: allow, what: { effects: [read, transaction, session] } }
`,
    settings: { max_connections: '420' },
    limits: { sessionsPerIdentityMax: 400 },
  })
})
afterAll(() => governed.stop())

const query = (text: string): Uint8Array => encodeQuery({ query: text })
const login = async (): Promise<RawClient> => patientLogin(governed.gateway.postgres, await governed.token())

/** Sessions at the database whose last statement was like this. */
const sessions = async (like: string, and = 'true'): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  governed.database.exec(
    `select pid, state from pg_stat_activity where usename = 'svc_app' and query like '${like}' and ${and}`,
  )

describe('F21: a client that dies takes its work at the database along, within 2 s', () => {
  test.each<[string, readonly (Uint8Array | string)[]]>([
    ['while rows stream', [query("select repeat('f21', 1000) from generate_series(1, 1000000)"), 'D', 'pause']],
    [
      'while COPY data streams',
      [query("copy (select repeat('f21', 1000) from generate_series(1, 1000000)) to stdout"), 'H', 'pause'],
    ],
    [
      'while it computes',
      [query("select 'f21', count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"), 'wait'],
    ],
    ['in a transaction', [query('begin'), 'Z', query("insert into notes values (73, 'f21')"), 'Z']],
    [
      'with a suspended portal',
      [query('begin'), 'Z', parse('', "select 'f21', id from orders"), bind('p', ''), execute('p', 1), SYNC, 'Z'],
    ],
    [
      'in COPY in',
      [query("copy notes from stdin with (null 'f21')"), 'G', encodeCopyData({ data: Buffer.from('74\tx\n') })],
    ],
  ])('%s', async (_name, steps) => {
    for (const leave of ['end', 'reset'] as const) {
      const client = await login()
      for (const step of steps) {
        if (step === 'pause') client.socket.pause()
        else if (step === 'wait') await new Promise(resolve => setTimeout(resolve, 100))
        else if (typeof step === 'string') await client.until(step)
        else client.send(step)
      }
      expect(await within(2_000, async () => (await sessions('%f21%')).length > 0)).toBe(true)
      if (leave === 'end') client.socket.destroy()
      else client.socket.resetAndDestroy()
      expect(await within(2_000, async () => (await sessions('%f21%')).length === 0)).toBe(true)
    }
    expect(await governed.database.exec('select 1 from notes where id in (73, 74)')).toEqual([])
  })
})

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes that are alive, in the gateway and in this test alike: both run in this process. */
async function alive(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    collect()
  }
  const { external, arrayBuffers, heapUsed } = process.memoryUsage()
  return Math.max(external, arrayBuffers) + heapUsed
}

/** Reads on to the next ReadyForQuery, and keeps nothing. */
async function bytesToEnd({ socket, seen }: RawClient): Promise<number> {
  let bytes = seen.reduce((sum, { length }) => sum + length, 0)
  socket.removeAllListeners('data')
  await new Promise<void>(resolve => {
    socket.on('data', chunk => {
      bytes += chunk.length
      if (chunk.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I', 'latin1'))) resolve()
    })
    socket.resume()
  })
  return bytes
}

describe('O2, F26: memory', () => {
  test('100 clients that do not read a large result cost less than 2 MiB each, and lose nothing', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, login))
    const before = await alive()
    for (const client of clients) {
      client.socket.pause()
      client.send(query("select repeat('x', 10000), 'o2' from generate_series(1, 10000)"))
    }
    const waiting = async (): Promise<boolean> =>
      (await sessions('%o2%', "wait_event = 'ClientWrite'")).length === clients.length
    expect(await within(60_000, waiting)).toBe(true)
    expect(((await alive()) - before) / clients.length).toBeLessThan(2 * MIB)
    for (const client of clients.slice(3)) client.socket.destroy()
    for (const client of clients.slice(0, 3)) {
      expect(await bytesToEnd(client)).toBeGreaterThan(100_000_000)
      client.socket.destroy()
    }
    expect(await within(5_000, async () => (await sessions('%o2%')).length === 0)).toBe(true)
  }, 90_000)

  test('F27: 100 MB of rows of 5 MB pass through without staying', async () => {
    const client = await login()
    const before = await alive()
    const buffersBefore = process.memoryUsage().arrayBuffers
    let most = 0
    const look = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }, 10)
    client.send(query("select repeat('y', 5000000) from generate_series(1, 20)"))
    expect(await bytesToEnd(client)).toBeGreaterThan(100_000_000)
    clearInterval(look)
    expect(most).toBeGreaterThan(0)
    expect(most - buffersBefore).toBeLessThan(64 * MIB)
    expect((await alive()) - before).toBeLessThan(16 * MIB)
    client.socket.destroy()
  }, 90_000)

  test('F28: 300 idle sessions cost less than 64 KiB each, and all of them answer', async () => {
    const before = await alive()
    const clients: RawClient[] = []
    while (clients.length < 300) clients.push(...(await Promise.all(Array.from({ length: 10 }, login))))
    expect(((await alive()) - before) / clients.length).toBeLessThan(64 * 1024)
    for (const client of clients) expect(await client.query('select 1')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
    for (const client of clients) client.socket.destroy()
  }, 90_000)
})
