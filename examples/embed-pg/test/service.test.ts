import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { eventJson, listRecordings, type RecordedEvent, readRecording, verifyDirectory } from '@querywarden/recording'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Guard, openGuard, PINNED } from '../src/guard.ts'
import { service } from '../src/service.ts'

const SCHEMA = `
create table customers (id int primary key, name text, ssn text, note text);
create table events (id int primary key);
insert into events select generate_series(1, 5000);
analyze events;
insert into customers values (1, 'Ada', '512-84-7731', 'paid with 4556 7375 8689 9855'), (2, 'Grace', '603-19-4428', 'none');
`

describe('a service that guards its own queries', () => {
  let database: PostgresServer
  let pool: Pool
  let guard: Guard
  let server: Server
  let dir: string
  let url: string
  const recordingKey = randomBytes(32)

  beforeAll(async () => {
    database = await startPostgres({ database: 'app' })
    await database.exec(SCHEMA)
    dir = await mkdtemp(join(tmpdir(), 'embed-pg-'))
    pool = new Pool({ connectionString: database.url, options: PINNED, max: 4 })
    pool.on('error', () => undefined)
    const policy = readFileSync(new URL('../policy.yaml', import.meta.url), 'utf8')
    guard = await openGuard({ pool, policy, recordings: dir, recordingKey, hashKey: randomBytes(32) })
    server = service(guard, authorization =>
      authorization === undefined
        ? null
        : {
            issuer: 'test',
            subject: authorization,
            groups: ['ai-agents'],
            actor: null,
            expiresAt: Date.now() + 60_000,
            credentialDigest: null,
          },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/query`
  })

  afterAll(async () => {
    server.close()
    await guard.close()
    await pool.end()
    await database.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const ask = async (body: unknown): Promise<{ status: number; text: string }> => {
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: 'agent-7' },
    })
    return { status: response.status, text: await response.text() }
  }

  test('answers with masks where the row was fetched, and what detectors find replaced', async () => {
    const { status, text } = await ask({ sql: 'select name, ssn, note from customers where id = $1', params: ['1'] })
    expect(status).toBe(200)
    expect(text).toContain('Ada')
    expect(text).toContain('7731')
    expect(text).not.toContain('512-84')
    expect(text).not.toContain('4556 7375')
  })

  test('a predicate sees the mask, not the value', async () => {
    const { text } = await ask({ sql: "select count(*) from customers where ssn like '512%'" })
    expect(JSON.parse(text)).toMatchObject({ rows: [['0']] })
  })

  test.each([
    ['a write', 'delete from customers where id = 1', 'NO_RULE_ALLOWS'],
    ['a second statement', 'select 1; drop table customers', 'NOT_UNDERSTOOD'],
    ['a file', "select pg_read_file('/etc/passwd')", 'NO_RULE_ALLOWS'],
    ['nonsense', 'selec 1', 'NOT_UNDERSTOOD'],
  ])('refuses %s with a stable code', async (_what, sql, code) => {
    const { status, text } = await ask({ sql })
    expect(status).toBe(403)
    expect(JSON.parse(text)).toMatchObject({ code })
    expect(await database.exec('select count(*)::int as n from customers')).toEqual([{ n: 2 }])
  })

  test('A7: how many rows the planner expects decides, with the parameters that it will run with', async () => {
    const few = await ask({ sql: 'select id from events where id = $1', params: ['7'] })
    expect(JSON.parse(few.text)).toMatchObject({ rows: [['7']] })
    const many = await ask({ sql: 'select id from events where id > $1', params: ['7'] })
    expect(JSON.parse(many.text)).toMatchObject({
      code: 'DENIED_BY_RULE',
      error: expect.stringContaining('no-floods'),
    })
    expect((await ask({ sql: 'select id from events where id > $1', params: ['4990'] })).status).toBe(200)
    // One that the planner fails on is of unknown size.
    expect((await ask({ sql: 'select id from events where id > $1', params: ['no number'] })).status).toBe(403)
  })

  test('a failing statement tells nothing of the value that made it fail', async () => {
    const { status, text } = await ask({ sql: 'select ssn::int from customers' })
    expect(status).toBe(500)
    expect(text).not.toContain('512')
  })

  test('R4: rows are recorded as the caller got them, and a failure is', async () => {
    const sql = 'select name, ssn, note, null from customers order by id'
    const answer: unknown = JSON.parse((await ask({ sql })).text)
    await ask({ sql: "select 'a'::text::int" })
    const [ofRows = [], ofFailure = []] = (await recorded()).slice(-2)
    const values = ofRows.flatMap(event => (event.kind === 'rows' ? [eventJson(event)['values']] : [])).flat()
    expect(answer).toMatchObject({ rows: values })
    expect(values).toHaveLength(2)
    expect(JSON.stringify(ofRows.map(eventJson))).not.toContain('512-84')
    expect(ofFailure.find(event => event.kind === 'completion')).toMatchObject({
      completion: { kind: 'failed', sqlstate: '22P02' },
    })
  })

  /** Session by session, in the order in which they were opened. */
  async function recorded(): Promise<readonly (readonly RecordedEvent[])[]> {
    const sessions: RecordedEvent[][] = []
    for (const { file } of await listRecordings(dir)) {
      if (file === null) continue
      const events: RecordedEvent[] = []
      for await (const event of readRecording(file, { kek: recordingKey })) events.push(event)
      sessions.push(events)
    }
    return sessions.sort(([a], [b]) =>
      a === undefined || b === undefined || a.kind === 'broken-off' || b.kind === 'broken-off' ? 0 : a.at - b.at,
    )
  }

  test('everything is recorded, and verifies', async () => {
    const { recordings } = await verifyDirectory(dir, { keys: null })
    expect(recordings.length).toBeGreaterThan(5)
    expect(recordings.filter(({ verdict }) => verdict.kind !== 'COMPLETE')).toEqual([])
  })
})
