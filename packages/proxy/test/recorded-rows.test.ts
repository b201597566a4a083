import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresMajor } from '@querywarden/dev-servers'
import type { RecordedEvent, RowsEvent } from '@querywarden/recording'
import { SYNC } from '@querywarden/wire/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'
import { framesIn, keptFrames, recordingOf, rowFrames, rowsIn, startListener } from './received.ts'

const CANARY = 'canary-1f0c5b7de2'
const IBAN = 'DE89370400440532013000'
const WORLD = `${SCHEMA}
create table numbers as select i, 'number ' || i as word from generate_series(1, 2000) i;
create table large (id int, body text);
insert into large values (1, repeat('a', 300000)), (2, 'small'), (3, repeat('b', 900000)), (4, repeat('c', 300000));
create table accounts as select 1 as id, '${IBAN}'::text as iban;
create table traps as select 1 as id, '${CANARY}'::text as value;
create function talk(n int) returns int language plpgsql as $$ begin raise notice 'n is %', n; return n; end $$;
grant execute on function talk to public;
`
const RECORD = `${POLICY}
  - { detect: [iban], with: redact, who: { groups: [watched] } }
limits:
  - { who: { groups: [limited] }, rows: 7 }
record:
  - { rows: all, who: { groups: [kept] } }
  - { rows: { first: 5 }, who: { groups: [firsts] } }
  - { rows: digest, who: { groups: [digested] } }
`.replace(
  'rules:\n',
  'rules:\n  - { id: talks, decision: allow, what: { effects: [read, procedural], functions: ["public.talk"] } }\n',
)

const clients = {
  kept: { groups: ['ai-agents', 'kept'] },
  watched: { groups: ['ai-agents', 'kept', 'watched'] },
  limited: { groups: ['ai-agents', 'kept', 'limited'] },
  firsts: { groups: ['ai-agents', 'firsts'] },
  digested: { groups: ['ai-agents', 'digested'] },
}

let sessions = 0

function byStatementOf(rows: readonly RowsEvent[]): ReadonlyMap<number, readonly RowsEvent[]> {
  const found = new Map<number, RowsEvent[]>()
  for (const event of rows) found.set(event.statement, [...(found.get(event.statement) ?? []), event])
  return found
}

describe.each<PostgresMajor>([15, 18])('PostgreSQL %i', major => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ major, schema: WORLD, policy: RECORD, clients, canaries: { trap: CANARY } })
  })
  afterAll(() => governed.stop())

  /** Runs something as somebody; gives what the client received, and what was recorded of the closed session. */
  async function ran(who: keyof typeof clients, run: (client: RawClient) => Promise<unknown>) {
    const name = `s${++sessions}`
    const token = await governed.issuer.token({ clientId: who })
    const client = await rawLogin(governed.gateway.postgres, token, { application_name: name })
    client.seen.length = 0
    await run(client)
    client.socket.end()
    await client.closed
    const events = await recordingOf(governed.recordings, name)
    return { received: rowFrames(Buffer.concat(client.seen)), events, text: client.text }
  }

  /** All rows of the results, byte for byte, and numbered without a gap. */
  function expectAll({ received, events }: { received: Buffer; events: readonly RecordedEvent[] }): void {
    expect(keptFrames(events).equals(received)).toBe(true)
    const next = new Map<number, number>()
    for (const { statement, first, rows, bytes, columns } of rowsIn(events)) {
      expect(first).toBe(next.get(statement) ?? 0)
      if (first === 0 && !next.has(statement) && received[0] === 0x44) expect(columns).not.toBeNull()
      next.set(statement, first + rows)
      expect(bytes).toBeGreaterThan(0)
    }
    expect([...next.values()].reduce((sum, rows) => sum + rows, 0)).toBe(framesIn(received))
  }

  async function expectNoSecretOnDisk(): Promise<void> {
    const files = await readdir(governed.dir, { recursive: true, withFileTypes: true })
    for (const file of files.filter(entry => entry.isFile() && !entry.name.startsWith('canary-'))) {
      const bytes = (await readFile(join(file.parentPath, file.name))).toString('latin1')
      for (const secret of [...SECRETS, CANARY, IBAN]) expect(bytes, file.name).not.toContain(secret)
    }
  }

  test.each([
    ['a simple query', 'select * from numbers'],
    ['several in one', 'select i from numbers where i < 4; select word from numbers where i < 3'],
    ['masked columns', 'select * from customers order by id'],
    ['no rows', 'select * from numbers where false'],
    ['large rows, which pass in parts', 'select * from large order by id'],
    ['a change that returns', "insert into notes values (1, 'x'), (2, null) returning *"],
    ['COPY', 'copy numbers to stdout'],
    ['COPY in binary', 'copy (select * from numbers where i < 20) to stdout binary'],
    ['COPY of masked columns', 'copy (select * from customers) to stdout'],
    ['COPY of large rows', 'copy large to stdout'],
    ['EXPLAIN', 'explain select * from numbers'],
    ['SHOW', 'show server_version'],
  ])('R4: %s is recorded as the client received it', async (_what, sql) => {
    for (const who of ['kept', 'watched'] as const) {
      const found = await ran(who, client => client.query(sql))
      expectAll(found)
      const rest = JSON.stringify(found.events.map(event => ({ ...event, frames: null })))
      for (const secret of SECRETS) expect(found.received.includes(secret) || rest.includes(secret)).toBe(false)
    }
    await expectNoSecretOnDisk()
  })

  test('R4: what a detector hides is recorded hidden, in results and in COPY', async () => {
    for (const sql of ['select * from accounts', 'copy accounts to stdout']) {
      const { received, events } = await ran('watched', client => client.query(sql))
      expect(received.length).toBeGreaterThan(0)
      expect(received.includes(IBAN)).toBe(false)
      expect(keptFrames(events).equals(received)).toBe(true)
    }
    await expectNoSecretOnDisk()
  })

  test('the extended protocol: formats, portals in parts that take turns, numbered through each result', async () => {
    const found = await ran('kept', async client => {
      client.send(
        parse('a', 'select i, word from numbers'),
        parse('b', 'select id, ssn from customers order by id'),
        SYNC,
      )
      await client.until('Z')
      await client.query('begin')
      client.send(bind('x', 'a', [], [1]), bind('y', 'b'), describePortal('x'), execute('x', 3), execute('y', 1), SYNC)
      await client.until('Z')
      client.send(execute('x', 4), execute('y', 5), execute('x', 0), SYNC)
      await client.until('Z')
      await client.query('commit')
    })
    const rows = rowsIn(found.events)
    const byStatement = byStatementOf(rows)
    expect(byStatement.size).toBe(2)
    const [x = [], y = []] = byStatement.values()
    expect(x[0]?.columns?.map(({ name, format }) => `${name} ${format}`)).toEqual(['i binary', 'word binary'])
    expect(y[0]?.columns?.map(({ name, format }) => `${name} ${format}`)).toEqual(['id text', 'ssn text'])
    expect(x.map(({ first }) => first).slice(0, 3)).toEqual([0, 3, 7])
    expect(y.map(({ first, rows }) => [first, rows])).toEqual([
      [0, 1],
      [1, 1],
    ])
    expect(keptFrames(rows).equals(found.received)).toBe(true)
    expect(framesIn(found.received)).toBe(2002)
  })

  test('a cursor of SQL goes on counting, whatever its FETCHes are in between', async () => {
    const found = await ran('kept', async client => {
      await client.query('begin')
      await client.query('declare c cursor for select i, word from numbers order by i')
      await client.query('fetch 2 from c')
      await client.query('select 1')
      await client.query('fetch 3 from c')
      await client.query('commit')
    })
    expect(keptFrames(found.events).equals(found.received)).toBe(true)
    expect(rowsIn(found.events).map(({ first, rows }) => [first, rows])).toEqual([
      [0, 2],
      [0, 1],
      [2, 3],
    ])
  })

  test('first: exactly so many rows are kept, and of the others a digest', async () => {
    const found = await ran('firsts', async client => {
      await client.query('begin')
      client.send(
        parse('', 'select i, word from numbers'),
        bind('p', ''),
        describePortal('p'),
        execute('p', 3),
        execute('p', 10),
        execute('p', 100),
        SYNC,
      )
      await client.until('Z')
      await client.query('select id, email from customers')
      await client.query('copy numbers to stdout')
    })
    const kept = rowsIn(found.events).filter(({ frames }) => frames !== null)
    const keptOf = [...byStatementOf(kept).values()]
    expect(keptOf.map(some => some.reduce((sum, { rows }) => sum + rows, 0))).toEqual([5, 2, 5])
    const [portal = []] = keptOf
    const length = Buffer.concat(portal.map(({ frames }) => frames ?? Buffer.alloc(0))).length
    expect(
      Buffer.concat(portal.map(({ frames }) => frames ?? Buffer.alloc(0))).equals(found.received.subarray(0, length)),
    ).toBe(true)
    const digests = rowsIn(found.events).filter(({ frames }) => frames === null)
    expect(digests.every(({ hmac, kept: how }) => hmac !== null && how === 'digest')).toBe(true)
    const all = rowsIn(found.events)
    expect(all.reduce((sum, { rows }) => sum + rows, 0)).toBe(framesIn(found.received))
    expect(all.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found.received.length)
  })

  test('first: of rows that pass in parts too', async () => {
    const { received, events } = await ran('firsts', client =>
      client.query('select * from large a cross join generate_series(1, 2) order by a.id'),
    )
    const kept = rowsIn(events).filter(({ frames }) => frames !== null)
    expect(kept.reduce((sum, { rows }) => sum + rows, 0)).toBe(5)
    expect(framesIn(keptFrames(events))).toBe(5)
    expect(keptFrames(events).equals(received.subarray(0, keptFrames(events).length))).toBe(true)
  })

  test('digest: nothing of the rows is kept but how many, how long, and that it was these', async () => {
    const once = await ran('digested', client => client.query('select word from numbers where i <= 4'))
    expect(keptFrames(once.events).length).toBe(0)
    const [digest] = rowsIn(once.events)
    expect(digest).toMatchObject({ first: 0, rows: 4, bytes: once.received.length, kept: 'digest' })
    expect(digest?.hmac).toMatch(/^[0-9a-f]{64}$/)
  })

  test('nobody asked: nothing of the rows is recorded', async () => {
    const client = await rawLogin(governed.gateway.postgres, await governed.token(), { application_name: 'plain' })
    await client.query('select * from numbers')
    client.socket.end()
    await client.closed
    expect(rowsIn(await recordingOf(governed.recordings, 'plain'))).toEqual([])
  })

  test('an error in mid-result: the rows before it are recorded, then the error in the words that the client saw', async () => {
    const { received, events } = await ran('kept', client => client.query('select 1/(1000 - i) from numbers'))
    expect(framesIn(received)).toBe(999)
    expect(keptFrames(events).equals(received)).toBe(true)
    const kinds = events.map(({ kind }) => kind).filter(kind => kind !== 'rows')
    expect(kinds).toEqual(['opened', 'intent', 'completion', 'closed'])
    const completion = events.find(event => event.kind === 'completion')
    expect(completion).toMatchObject({
      completion: { kind: 'failed', sqlstate: '22012', rows: 999 },
      error: { severity: 'ERROR', sqlstate: '22012', message: 'division by zero', constraint: null },
    })
    expect(events.indexOf(completion as RecordedEvent)).toBeGreaterThan(
      events.findLastIndex(({ kind }) => kind === 'rows'),
    )
  })

  test('limits hit in mid-result: what the client received, and that it was cut off, is recorded', async () => {
    const { received, events } = await ran('limited', client => client.query('select * from numbers'))
    expect(framesIn(received)).toBe(7)
    expect(keptFrames(events).equals(received)).toBe(true)
    expect(events.find(event => event.kind === 'completion')).toMatchObject({
      completion: { kind: 'cancelled', why: 'the row limit of the policy was reached', rows: 7 },
    })
  })

  test('a cancel in mid-result: the rows before it, the cancel, and how it ended are recorded', async () => {
    const { received, events } = await ran('kept', async client => {
      client.send(
        runUnnamed("select i, pg_sleep(case when i > 3 then 60 else 0 end), repeat('x', 9000) from numbers order by i"),
        SYNC,
      )
      await client.until('D')
      await sendCancel(governed.gateway.postgres, client.key)
      await client.until('Z')
    })
    expect(framesIn(received)).toBeGreaterThan(0)
    expect(keptFrames(events).equals(received)).toBe(true)
    expect(events.map(({ kind }) => kind).filter(kind => kind !== 'rows')).toEqual([
      'opened',
      'intent',
      'cancel-requested',
      'completion',
      'closed',
    ])
    expect(events.find(event => event.kind === 'completion')).toMatchObject({ completion: { kind: 'cancelled' } })
  })

  test('R4: what a canary stopped was not received, and is not recorded as if it were', async () => {
    const { received, events, text } = await ran('kept', client =>
      client.query('select * from numbers where i < 3; select * from traps'),
    )
    expect(text).not.toContain(CANARY)
    expect(keptFrames(events).equals(received)).toBe(true)
    expect(events.find(event => event.kind === 'incident')).toMatchObject({ code: 'CANARY' })
    await expectNoSecretOnDisk()
  })

  test('notices, and errors of what never came to run, are recorded in the words that the client saw', async () => {
    const { events, text } = await ran('kept', async client => {
      await client.query('select talk(42)')
      await client.query('select ssn from customers where talk(age) > 0 order by id')
      await client.query('select nope from numbers')
      client.send(parse('', 'select i from numbers where i = $1', [23]), bind('', '', ['no number']), execute(), SYNC)
      await client.until('Z')
    })
    expect(text).toContain('n is 42')
    const said = events.flatMap(event => (event.kind === 'notice' ? [event] : []))
    expect(said.map(({ notice: { severity, sqlstate, message } }) => `${severity} ${sqlstate} ${message}`)).toEqual([
      'NOTICE 00000 n is 42',
      'NOTICE 00000 the database reports SQLSTATE 00000; its words are withheld because the statement touches masked columns',
      'NOTICE 00000 the database reports SQLSTATE 00000; its words are withheld because the statement touches masked columns',
      'ERROR 42703 column "nope" does not exist',
      'ERROR 22P02 invalid input syntax for type integer: "no number"',
    ])
    expect(said.map(({ statement }) => statement)).toEqual([1, 2, 2, null, 4])
  })

  test('how long a statement waited is recorded, and what the server said of itself', async () => {
    const { events } = await ran('kept', client => client.query('select 1'))
    const completion = events.find(event => event.kind === 'completion')
    expect(completion?.kind === 'completion' && completion.completion).toMatchObject({
      kind: 'done',
      waitedMs: expect.any(Number),
    })
    const [opened] = events
    if (opened?.kind !== 'opened') throw new Error('expected an opening')
    expect(opened.header.target.server).toMatchObject({
      server_version: expect.stringMatching(new RegExp(`^${major}\\.`)),
      version: expect.stringMatching(/^PostgreSQL .* compiled by /),
      system_identifier: expect.stringMatching(/^\d+$/),
      timeline: '1',
    })
  })

  test('a driver, and psql, receive what is recorded of them', async () => {
    const { host } = governed.gateway.postgres
    const password = await governed.issuer.token({ clientId: 'watched' })
    const listener = await startListener(governed.gateway.postgres.port)
    const driver = new Client({
      host,
      port: listener.port,
      user: 'agent',
      database: 'app',
      password,
      application_name: 'driver',
    })
    await driver.connect()
    await driver.query('select * from customers where id = $1', [1])
    await driver.query({ name: 'n', text: 'select i, word from numbers where i < $1', values: [500] })
    await driver.query({ name: 'n', text: 'select i, word from numbers where i < $1', values: [3] })
    await driver.end()
    const events = await recordingOf(governed.recordings, 'driver')
    expectAll({ received: rowFrames(listener.sent()), events })
    listener.stop()

    const other = await startListener(governed.gateway.postgres.port)
    const child = spawn(
      'psql',
      [
        '-At',
        '-v',
        'FETCH_COUNT=100',
        '-c',
        'select * from numbers',
        '-c',
        '\\copy customers to stdout',
        `host=${host} port=${other.port} sslmode=disable application_name=psql-one`,
      ],
      {
        env: { PATH: process.env['PATH'], PGPASSWORD: password, PGUSER: 'agent', PGDATABASE: 'app' },
      },
    )
    await once(child, 'close')
    const ofPsql = await recordingOf(governed.recordings, 'psql-one')
    const received = rowFrames(other.sent())
    expect(framesIn(received)).toBe(2002)
    expect(keptFrames(ofPsql).equals(received)).toBe(true)
    other.stop()
  })
})
