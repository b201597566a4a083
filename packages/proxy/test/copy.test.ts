import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { COPY_DONE, encodeCopyData, encodeCopyFail, encodeQuery, FLUSH, SYNC } from '@querywarden/wire/postgres'
import { from, to } from 'pg-copy-streams'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { type RawClient, rawLogin, runUnnamed } from './raw-client.ts'

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    targetUser: 'postgres',
    schema: `${SCHEMA} create table mails (body text); insert into mails values ('to ada@example.com');`,
    policy: POLICY.replace('relations: ["public.notes"]', 'relations: ["public.notes", "public.mails"]'),
  })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(() => governed.stop())
beforeEach(() => governed.database.exec('delete from notes'))

const notes = async (): Promise<unknown> =>
  (await governed.database.exec('select id, body from notes order by id')).map(({ id, body }) => `${id}:${body}`)
const data = (text: string): Uint8Array => encodeCopyData({ data: Buffer.from(text) })

describe('COPY out', () => {
  test.each([
    'copy customers to stdout',
    'copy customers (ssn, email, name) to stdout with (format csv, header)',
    'copy customers to stdout with (format binary)',
    'copy (select * from customers) to stdout',
    'copy (select c from customers c) to stdout csv',
    "copy (select max(ssn), string_agg(email, ',') from customers) to stdout",
  ])('P9: %s holds no masked value', async text => {
    const lines = await client.query(text)
    expect(lines[0]).toBe('H')
    expect(lines.at(-2)).toMatch(/^C COPY [12]$/)
    expect(lines.join()).toMatch(/Ada|\*/)
    for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
  })

  test('a driver streams it, in the extended protocol too', async () => {
    const driver = await governed.client()
    const out = await text(driver.query(to('copy orders (id, status) to stdout with csv')))
    expect(out).toBe('1,new\n2,shipped\n3,new\n')
    client.send(runUnnamed('copy orders (id) to stdout'), SYNC)
    expect(await client.until('Z')).toEqual(['1', '2', 'n', 'H', 'd 1\n', 'd 2\n', 'd 3\n', 'c', 'C COPY 3', 'Z idle'])
  })

  test.each([
    "copy notes to '/tmp/out'",
    "copy notes to program 'cat'",
    "copy notes from '/etc/passwd'",
    "copy notes from program 'id'",
  ])('P9: %s is denied', async text => {
    expect(await client.query(text)).toEqual([expect.stringMatching(/^E ERROR 42501/), 'Z idle'])
  })
})

describe('COPY in', () => {
  const begin = async (options = ''): Promise<void> => {
    client.send(encodeQuery({ query: `copy notes from stdin ${options}` }))
    expect(await client.until('G')).toEqual(['G'])
  }

  test('takes data in any cut, with Flush and Sync among it ignored (corpus 16)', async () => {
    await begin()
    client.send(data('1\ton'), FLUSH, data('e\n2\tt'), SYNC, data('wo\n'), SYNC, COPY_DONE)
    expect(await client.until('Z')).toEqual(['C COPY 2', 'Z idle'])
    expect(await notes()).toEqual(['1:one', '2:two'])
    expect(await client.query('select 1')).toContain('D 1')
  })

  test('inside a transaction it commits and rolls back with it', async () => {
    for (const [end, left] of [
      ['rollback', []],
      ['commit', ['1:x']],
    ] as const) {
      await client.query('begin')
      await begin()
      client.send(data('1\tx\n'), COPY_DONE)
      expect(await client.until('Z')).toEqual(['C COPY 1', 'Z transaction'])
      await client.query(end)
      expect(await notes()).toEqual(left)
    }
  })

  test('CopyFail takes it all back', async () => {
    await begin()
    client.send(data('1\tx\n'), encodeCopyFail({ reason: 'changed my mind' }))
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 57014/), 'Z idle'])
    expect(await notes()).toEqual([])
  })

  test('a bad row ends it, what still comes of it is dropped, and what follows is not', async () => {
    await begin()
    client.send(data('1\tx\nbad\ty\n'))
    // The server reads ahead: it reports when it gets to the row, at the latest at the end.
    client.send(data('3\tz\n'), COPY_DONE, encodeQuery({ query: 'select 1' }))
    expect((await client.until('Z')).map(line => line.slice(0, 13))).toEqual(['E ERROR 22P02', 'Z idle'])
    expect(await client.until('Z')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
    expect(await notes()).toEqual([])
  })

  test('an error long before the end of the data, with a statement close behind it', async () => {
    for (let round = 0; round < 5; round++) {
      await begin()
      client.send(data(`bad\tx\n${'2\ty\n'.repeat(20_000)}`), data('3\tz\n'))
      expect((await client.until('E'))[0]).toMatch(/^E ERROR 22P02/)
      client.send(data('4\tz\n'), encodeQuery({ query: 'select 2' }))
      expect(await client.until('Z')).toEqual(['Z idle'])
      expect(await client.until('Z')).toEqual(['T', 'D 2', 'C SELECT 1', 'Z idle'])
    }
  })

  test('P9 (corpus 16): a Query inside it ends the session, and nothing is stored', async () => {
    const other = await rawLogin(governed.gateway.postgres, await governed.token())
    other.send(encodeQuery({ query: 'copy notes from stdin' }))
    await other.until('G')
    other.send(data('1\tx\n'), encodeQuery({ query: 'select 1' }))
    expect((await other.toEnd())[0]).toMatch(/^E FATAL 08P01/)
    expect(await notes()).toEqual([])
  })

  test('a client that leaves in the middle stores nothing', async () => {
    const other = await rawLogin(governed.gateway.postgres, await governed.token())
    other.send(encodeQuery({ query: 'copy notes from stdin' }))
    await other.until('G')
    other.send(data('1\tx\n'))
    other.socket.resetAndDestroy()
    const deadline = Date.now() + 2_000
    const copies =
      "select 1 from pg_stat_activity where query like 'copy notes from%' and state = 'active' and pid <> pg_backend_pid()"
    while ((await governed.database.exec(copies)).length > 0 && Date.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, 20))
    expect(await governed.database.exec(copies)).toEqual([])
    expect(await notes()).toEqual([])
  })

  test('drivers: pg-copy-streams in CSV, and psql', async () => {
    const driver = await governed.client()
    await pipeline(Readable.from(['1,a\n', '2,"b\n', 'c"\n']), driver.query(from('copy notes from stdin with csv')))
    expect(await notes()).toEqual(['1:a', '2:b\nc'])

    const file = join(governed.dir, 'notes.tsv')
    await writeFile(file, '3\tfrom psql\n')
    const { host, port } = governed.gateway.postgres
    const child = spawn('psql', ['-X', '-c', `\\copy notes from '${file}'`, '-c', '\\copy notes (id) to stdout'], {
      env: {
        PATH: process.env['PATH'],
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: 'agent',
        PGDATABASE: 'app',
        PGPASSWORD: await governed.token(),
      },
    })
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
    expect(out).toBe('COPY 1\n1\n2\n3\n')
  })

  test('P9: in the extended protocol, with the Sync that the server ignores and the one behind the data', async () => {
    client.send(runUnnamed('copy notes from stdin'), SYNC)
    expect(await client.until('G')).toEqual(['1', '2', 'n', 'G'])
    client.send(data('300\tx\n'), COPY_DONE, SYNC)
    expect(await client.until('Z')).toEqual(['C COPY 1', 'Z idle'])
    expect(await client.query('select body from notes where id = 300')).toContain('D x')
  })

  test('P9: in the extended protocol, one that the server refuses leaves one ReadyForQuery', async () => {
    client.send(runUnnamed("copy notes from stdin (format 'nonsense')"), SYNC)
    expect(await client.until('Z')).toEqual(['1', '2', 'n', expect.stringMatching(/^E ERROR/), 'Z idle'])
    client.send(runUnnamed('copy notes from stdin'), SYNC)
    await client.until('G')
    client.send(data('not a number\tx\n'), COPY_DONE, SYNC)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 22P02/), 'Z idle'])
    expect(await client.query('select 1')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
  })

  test('P9: in the extended protocol, with data sent ahead of any Sync', async () => {
    client.send(runUnnamed('copy notes from stdin'), data('301\tx\n'), COPY_DONE, SYNC)
    expect(await client.until('Z')).toEqual(['1', '2', 'n', 'G', 'C COPY 1', 'Z idle'])
    client.send(runUnnamed('select 1'), data('302\tx\n'), COPY_DONE, SYNC)
    expect(await client.until('Z')).toContain('D 1')
    expect(await client.query('select id from notes where id in (301, 302)')).toContain('C SELECT 1')
  })

  test('P9: nothing may stand between COPY FROM STDIN and its data', async () => {
    client.send(runUnnamed('copy notes from stdin'), runUnnamed('select 1'), SYNC)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 0A000/), 'Z idle'])
    expect((await client.query('copy notes from stdin; select 1'))[0]).toMatch(/^E ERROR 0A000/)
  })
})

describe('COPY out under detectors', () => {
  let detecting: Governed
  beforeAll(async () => {
    detecting = await govern({
      schema: `${SCHEMA} insert into notes values (1, 'to ada@example.com');`,
      policy: `${POLICY}  - { detect: [email, credit-card], with: redact }\n`,
    })
  })
  afterAll(() => detecting.stop())

  test('is looked into: by table and by query, in every format and both protocols', async () => {
    const driver = await rawLogin(detecting.gateway.postgres, await detecting.token())
    expect(await driver.query('copy notes to stdout')).toContain('d 1\tto [redacted]\n')
    for (const source of ['notes', "(select id, body || '' from notes)"])
      for (const options of ['', 'csv', '(format csv, header, force_quote *)', '(format binary)']) {
        const text = `copy ${source} to stdout ${options}`
        expect((await driver.query(text)).slice(-3)).toEqual(['c', 'C COPY 1', 'Z idle'])
        driver.send(runUnnamed(text), SYNC)
        expect((await driver.until('Z')).slice(-3)).toEqual(['c', 'C COPY 1', 'Z idle'])
      }
    driver.send(encodeQuery({ query: 'copy notes from stdin' }))
    await driver.until('G')
    driver.send(data('2\tx\n'), COPY_DONE)
    expect(await driver.until('Z')).toEqual(['C COPY 1', 'Z idle'])
    expect((await driver.query('select body from notes where id = 1'))[1]).not.toContain('ada@')
    expect(driver.text).not.toContain('ada@')
  })

  test.each(['', 'csv', '(format binary)'])(
    'P9: what a column can not hold is not put into it, so that the data can be read back: %s',
    async options => {
      const driver = await rawLogin(detecting.gateway.postgres, await detecting.token())
      const text = `copy (select 4111111111111111::bigint as id, '["ada@example.com"]'::json as doc) to stdout ${options}`
      const data = (await driver.query(text)).filter(line => line.startsWith('d ')).join()
      if (options === '(format binary)') expect(data).toContain(Buffer.from('0000000800', 'hex').toString())
      else expect(data).toContain('4111111111111111')
      expect(data).toContain('[redacted]')
      expect(driver.text).not.toContain('ada@')
    },
  )

  test('F27: data that is larger than a message goes through in parts, looked into', async () => {
    const driver = await rawLogin(detecting.gateway.postgres, await detecting.token())
    const text = "copy (select repeat('x ', 1000000), 'ada@example.com', repeat('y ', 1000000)) to stdout"
    const lines = await driver.query(text)
    expect(lines.slice(-3)).toEqual(['c', 'C COPY 1', 'Z idle'])
    const sent = lines
      .filter(line => line.startsWith('d '))
      .map(line => line.slice(2))
      .join('')
    expect(sent).toBe(`${'x '.repeat(1_000_000)}\t[redacted]\t${'y '.repeat(1_000_000)}\n`)
  })
})
