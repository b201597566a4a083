import { randomBytes } from 'node:crypto'
import { encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawConnect, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'

/** Runs for minutes, and the server answers nothing before its end. */
const LONG = 'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b'
/** Makes the gateway think for a while before it sends anything. */
const LARGE = 'y'.repeat(2_000)
const MARK = 'generate_series(1, 100000) b'

let governed: Governed
beforeAll(async () => {
  governed = await govern({
    schema: `${SCHEMA} insert into notes select i, repeat('x', 100) from generate_series(1, 1000) i;`,
    policy: `${POLICY}
limits:
  - { who: { groups: [hasty] }, time: 300ms, rows: 10, bytes: 2KiB }
`,
    clients: { hasty: { groups: ['ai-agents', 'hasty'] } },
  })
})
afterAll(() => governed.stop())

const login = async (clientId = 'agent'): Promise<RawClient> =>
  rawLogin(governed.gateway.postgres, await governed.issuer.token({ clientId }))

const isRunning = async (): Promise<boolean> =>
  (
    await governed.database.exec(
      `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '%${MARK}%'`,
    )
  ).length > 0

async function until(condition: () => Promise<boolean>, msMax: number): Promise<boolean> {
  const deadline = performance.now() + msMax
  while (performance.now() < deadline) {
    if (await condition()) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return false
}
const started = (): Promise<boolean> => until(isRunning, 5_000)
const ended = (): Promise<boolean> => until(async () => !(await isRunning()), 2_000)

describe('E10: CancelRequest', () => {
  test.each<[string, readonly Uint8Array[]]>([
    ['a Query', [encodeQuery({ query: LONG })]],
    ['a pipeline', [runUnnamed('select 1'), runUnnamed(LONG), SYNC]],
    ['a COPY', [encodeQuery({ query: `copy (${LONG}) to stdout` })]],
  ])('stops %s, and the session goes on', async (_name, messages) => {
    const client = await login()
    client.send(...messages)
    expect(await started()).toBe(true)
    const { text } = await sendCancel(governed.gateway.postgres, client.key)
    expect(text).toBe('')
    const lines = await client.until('Z')
    expect(lines.at(-2)).toMatch(/^E ERROR 57014/)
    expect(await client.query('select 1')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
    client.socket.destroy()
  })

  test('with a wrong key, a wrong number or a key of another length does nothing', async () => {
    const client = await login()
    client.send(encodeQuery({ query: LONG }))
    expect(await started()).toBe(true)
    const { processId, secretKey } = client.key
    const wrong = secretKey.map((byte, i) => (i === 3 ? byte ^ 1 : byte))
    for (const key of [
      { processId, secretKey: wrong },
      { processId: processId ^ 1, secretKey },
      { processId, secretKey: randomBytes(32) },
      { processId, secretKey: Buffer.concat([secretKey, Buffer.alloc(4)]) },
    ])
      expect((await sendCancel(governed.gateway.postgres, key)).text).toBe('')
    expect(await isRunning()).toBe(true)
    await sendCancel(governed.gateway.postgres, client.key)
    await client.until('Z')
    client.socket.destroy()
  })

  const inserts = (from: number): Uint8Array =>
    encodeQuery({
      query: Array.from({ length: 450 }, (_none, i) => `insert into notes values (${from + i}, '${LARGE}')`).join(';'),
    })
  const inserted = async (): Promise<unknown> =>
    governed.database.exec("select 1 from notes where body like 'y%' limit 1")

  test('counts from the moment that the gateway has the statement: one not sent yet is not sent', async () => {
    const client = await login()
    client.send(inserts(10_000))
    await new Promise(resolve => setTimeout(resolve, 40))
    await sendCancel(governed.gateway.postgres, client.key)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 57014 canceled before/), 'Z idle'])
    expect(await inserted()).toEqual([])
    client.socket.destroy()
  })

  test('A5: nor is that of a client which left while it was decided', async () => {
    const client = await login()
    client.send(inserts(20_000))
    await new Promise(resolve => setTimeout(resolve, 40))
    client.socket.resetAndDestroy()
    await new Promise(resolve => setTimeout(resolve, 1_500))
    expect(await inserted()).toEqual([])
  })

  test('the key is not one that the database knows', async () => {
    const client = await login()
    client.send(encodeQuery({ query: LONG }))
    expect(await started()).toBe(true)
    await sendCancel({ host: '127.0.0.1', port: governed.database.port }, client.key)
    expect(await isRunning()).toBe(true)
    client.socket.destroy()
    expect(await ended()).toBe(true)
  })

  test('one that comes late hits no later statement', async () => {
    const client = await login()
    for (let round = 0; round < 40; round++) {
      client.send(encodeQuery({ query: 'select 1' }))
      const cancelled = sendCancel(governed.gateway.postgres, client.key)
      const lines = await client.until('Z')
      // Once the gateway has the request, it can't be meant for what comes now.
      await cancelled
      const next = client.query('select 2')
      expect([['T', 'D 1', 'C SELECT 1', 'Z idle'].join(), expect.stringMatching(/57014/)]).toContainEqual(lines.join())
      expect(await next).toEqual(['T', 'D 2', 'C SELECT 1', 'Z idle'])
    }
    client.socket.destroy()
  })
})

describe('F21: a client that leaves', () => {
  test.each<[string, (client: RawClient) => unknown]>([
    ['closes', client => client.socket.end()],
    ['is reset', client => client.socket.resetAndDestroy()],
  ])('has its query ended within 2 s when it %s', async (_name, leave) => {
    const client = await login()
    client.send(encodeQuery({ query: LONG }))
    expect(await started()).toBe(true)
    leave(client)
    expect(await ended()).toBe(true)
  })
})

describe('limits of the policy', () => {
  test('time: a statement that answers nothing is stopped, also behind others', async () => {
    const client = await login('hasty')
    expect((await client.query(LONG)).at(-2)).toMatch(/^E ERROR 57014 .*time limit/)
    expect((await client.query(`select 1; ${LONG}`)).slice(-2)).toEqual([
      expect.stringMatching(/^E ERROR 57014 .*time limit/),
      'Z idle',
    ])
    client.send(runUnnamed('select 1'), runUnnamed(LONG), SYNC)
    expect((await client.until('Z')).at(-2)).toMatch(/^E ERROR 57014 .*time limit/)
    expect(await client.query('select 1')).toContain('D 1')
    client.socket.destroy()
  })

  test('rows and bytes: the rest is not shown, and the session goes on', async () => {
    const client = await login('hasty')
    const many = await client.query('select id from notes order by id')
    expect(many.filter(line => line.startsWith('D'))).toHaveLength(10)
    expect(many.slice(-2)).toEqual([expect.stringMatching(/^E ERROR 54000 .*row limit/), 'Z idle'])
    const large = await client.query("select repeat('x', 500) from notes limit 9")
    expect(large.filter(line => line.startsWith('D')).length).toBeLessThan(5)
    expect(large.at(-2)).toMatch(/^E ERROR 54000 .*byte limit/)
    expect((await client.query('copy notes to stdout')).at(-2)).toMatch(/^E ERROR 54000/)
    expect(await client.query('select 1')).toContain('D 1')
    client.socket.destroy()
  })

  test('what follows a statement that was stopped is not run, however fast the server is', async () => {
    const client = await login('hasty')
    const insert = "insert into notes values (5000, 'after')"
    const lines = await client.query(`select id from notes limit 100; ${insert}`)
    expect(lines.slice(-2)).toEqual([expect.stringMatching(/^E ERROR 54000/), 'Z idle'])
    client.send(runUnnamed('select id from notes limit 100'), runUnnamed(insert), SYNC)
    expect((await client.until('Z')).slice(-2)).toEqual([expect.stringMatching(/^E ERROR 54000/), 'Z idle'])
    expect(await governed.database.exec('select 1 from notes where id = 5000')).toEqual([])
    expect((await client.query(`select id from notes limit 3; ${insert}`)).slice(-2)).toEqual([
      'C INSERT 0 1',
      'Z idle',
    ])
    client.socket.destroy()
  })

  test('rows count over all parts of a portal', async () => {
    const client = await login('hasty')
    await client.query('begin')
    client.send(parse('', 'select id from notes'), bind('p', ''), execute('p', 6), execute('p', 6), SYNC)
    const lines = await client.until('Z')
    expect(lines.filter(line => line.startsWith('D'))).toHaveLength(10)
    expect(lines.at(-2)).toMatch(/^E ERROR 54000/)
    client.socket.destroy()
  })
})

describe('I6: the end of the token', () => {
  const soon = async (): Promise<string> => {
    const seconds = Math.floor(Date.now() / 1000)
    return governed.issuer.sign(
      {
        iss: governed.issuer.issuer,
        sub: 'brief',
        aud: 'querywarden',
        client_id: 'agent',
        groups: ['ai-agents'],
        iat: seconds,
        exp: seconds + 2,
      },
      { alg: 'RS256', typ: 'at+jwt' },
    )
  }

  test('ends the session with a reason, idle or not, and what runs with it', async () => {
    const idle = await rawLogin(governed.gateway.postgres, await soon())
    const busy = await rawLogin(governed.gateway.postgres, await soon())
    busy.send(encodeQuery({ query: LONG }))
    expect(await started()).toBe(true)
    expect(await idle.toEnd()).toEqual([expect.stringMatching(/^E FATAL 57P01 the token/), 'closed'])
    expect((await busy.toEnd()).join()).toContain('FATAL 57P01 the token')
    expect(await ended()).toBe(true)
  })

  test('a held statement ends with it', async () => {
    const client = await rawLogin(governed.gateway.postgres, await soon())
    client.send(encodeQuery({ query: 'update orders set total = 1 where id = 1' }))
    const lines = await client.toEnd()
    expect(lines.join()).toContain('FATAL 57P01 the token')
    expect(await governed.database.exec('select 1 from orders where total = 1')).toEqual([])
  })
})

test('F29: a connection that only ever cancels is nobody', async () => {
  const client = await rawConnect(governed.gateway.postgres)
  client.send(Buffer.from('\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x01', 'latin1'))
  expect(await client.toEnd()).toEqual(['closed'])
})
