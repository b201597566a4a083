import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA, SECRETS } from './governed-database.ts'

const CLEAN = 'create or replace view shown as select o.id, o.status from orders o'
// Masks can't be put into a definition that reads a system column.
const LEAKY =
  'create or replace view shown as select o.id, c.ssn || c.tableoid as status from orders o join customers c on c.id = o.customer_id'
const PROBE_MS = 50
/** A probe takes a twentieth of the time at most, so a busy machine asks less often; a reload would be due after 10 s. */
const SEEN_WITHIN = { timeout: 5_000, interval: 50 }
/** Ends what the gateway has open in the database, but for one session. */
const CUT_BUT = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'svc_app' and pid <> $1"
const READ = 'select id, status from shown'

describe('a schema that is changed past the gateway', () => {
  let world: Governed
  let owner: Client
  let agent: Client

  beforeAll(async () => {
    world = await govern({
      schema: `${SCHEMA}; ${CLEAN}; create table passing (id int);`,
      limits: { catalogProbeMs: PROBE_MS },
    })
    owner = await world.direct()
  }, 120_000)
  afterAll(async () => {
    await world?.stop()
  })
  beforeEach(async () => {
    await owner.query(`alter role svc_app login; ${CLEAN}`)
    agent = await world.client()
    await expect.poll(rows, SEEN_WITHIN).toBe(3)
  })
  afterEach(async () => {
    await agent.end()
  })

  const rows = (): Promise<number> =>
    agent.query(READ).then(
      result => result.rows.length,
      () => 0,
    )
  const refusal = (sql: string): Promise<unknown> =>
    agent.query(sql).then(
      () => 'no refusal',
      error => error.code,
    )

  test('N2: a view that shows what is masked now is refused once the schema has been compared', async () => {
    await owner.query(LEAKY)
    await expect.poll(() => refusal(READ), SEEN_WITHIN).toBe('42501')
    await owner.query(CLEAN)
    await expect.poll(rows, SEEN_WITHIN).toBe(3)
  })

  test.each([
    [
      'a function that stands where only a built-in one did',
      "create function upper(int) returns text language sql as 'delete from passing where false returning id::text'",
      'select upper(1)',
      'drop function upper(int)',
    ],
    [
      'a rule',
      'create rule also as on insert to notes do also delete from passing where false',
      "insert into notes values ((random() * 1e9)::int, 'x')",
      'drop rule also on notes',
    ],
    [
      'an operator',
      `create function eq(text, text) returns boolean language plpgsql as 'begin delete from passing where false; return true; end';
       create operator public.=== (function = eq, leftarg = text, rightarg = text)`,
      "select 'a' === 'b'",
      'drop operator public.=== (text, text); drop function eq(text, text)',
    ],
  ])('N2: %s is seen without a reload being due', async (_what, change, statement, undo) => {
    expect(await refusal(statement)).not.toBe('42501')
    await owner.query(change)
    await expect.poll(() => refusal(statement), SEEN_WITHIN).toBe('42501')
    await owner.query(undo)
    await expect.poll(() => refusal(statement), SEEN_WITHIN).not.toBe('42501')
  })

  test('N2: whatever another session does to the schema, what was refused a moment ago stays so', async () => {
    const chaos = await world.direct()
    let isOver = false
    const steps = [
      'create table if not exists going (id int primary key, k text default random()::text); drop table going',
      'alter table notes add column extra int; alter table notes drop column extra',
      "create or replace function passing() returns int language sql as 'select 1'; drop function passing()",
      'alter table orders rename column status to state; alter table orders rename column state to status',
      'create table recreated as select 1 as id; drop table recreated',
      'create index going on notes (lower(body)); drop index going',
    ]
    const running = (async () => {
      for (let at = 0; !isOver; at++) {
        await chaos.query(steps[at % steps.length] ?? '').catch(() => undefined)
        await sleep(20)
      }
    })()
    const outcomes = new Set<string>()
    try {
      for (let round = 0; round < 8; round++) {
        await owner.query(round % 2 === 0 ? LEAKY : CLEAN)
        await expect.poll(() => refusal(READ), SEEN_WITHIN).toBe(round % 2 === 0 ? '42501' : 'no refusal')
        for (let again = 0; again < 5; again++) {
          const shown = await agent.query(READ).then(
            ({ rows }) => JSON.stringify(rows),
            error => String(error.code),
          )
          if (round % 2 === 0) expect(SECRETS.filter(secret => shown.includes(secret))).toEqual([])
          outcomes.add(shown.startsWith('[') ? 'rows' : shown)
        }
      }
    } finally {
      isOver = true
      await running
    }
    expect(outcomes).toContain('rows')
    expect(outcomes).toContain('42501')
  }, 30_000)

  test('N3: with its connection cut the gateway compares by another', async () => {
    const { rows: cut } = await owner.query(CUT_BUT, [
      (await agent.query('select pg_backend_pid() as pid')).rows[0]?.pid,
    ])
    expect(cut, 'one connection is kept').toHaveLength(1)
    await owner.query(LEAKY)
    await expect.poll(() => refusal(READ), SEEN_WITHIN).toBe('42501')
  })

  test('F14: a schema that has moved and can’t be read decides nothing, and does again once it can', async () => {
    await owner.query('alter role svc_app nologin; alter table notes add column extra int')
    await expect.poll(() => refusal(READ), SEEN_WITHIN).toBe('58000')
    expect(await refusal(READ)).toBe('58000')
    await owner.query('alter role svc_app login; alter table notes drop column extra')
    await expect.poll(rows, SEEN_WITHIN).toBe(3)
  })
})

test('N3: a schema that nothing confirms serves for its time and no longer', async () => {
  const world = await govern({
    schema: `${SCHEMA}; ${CLEAN}; create table passing (id int);`,
    limits: { catalogProbeMs: PROBE_MS, catalogMaxAgeMs: 3_000 },
  })
  try {
    const [owner, agent] = [await world.direct(), await world.client()]
    await agent.query(READ)
    await owner.query('alter role svc_app nologin')
    await owner.query(CUT_BUT, [(await agent.query('select pg_backend_pid() as pid')).rows[0]?.pid])
    await sleep(500)
    expect((await agent.query(READ)).rows).toHaveLength(3)
    await sleep(3_000)
    await expect(agent.query(READ)).rejects.toMatchObject({ code: '58000' })
  } finally {
    await world.stop()
  }
}, 120_000)

test('N2: an error that says that the schema is another has it compared at once', async () => {
  const world = await govern({
    schema: `${SCHEMA}; ${CLEAN}; create table passing (id int);`,
    limits: { catalogProbeMs: 20_000 },
  })
  try {
    const [owner, agent] = [await world.direct(), await world.client()]
    await agent.query(READ)
    await owner.query(`${LEAKY}; drop table passing`)
    await sleep(2_000)
    await expect(agent.query('select id from passing')).rejects.toMatchObject({ code: '42P01' })
    await expect(agent.query(READ)).rejects.toMatchObject({ code: '42501' })
  } finally {
    await world.stop()
  }
}, 120_000)
