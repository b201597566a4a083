import { encodeBind } from '@querywarden/wire/postgres'
import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closeStatement, errorOf, rowsOf, sendTo } from './asking.ts'
import { type Governed, govern } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

/** `big` has 5 000 rows with 1 <= k <= 5 000, and a masked column. */
const SCHEMA = `
create table big (k int primary key, note text not null, at timestamptz not null, secret text);
insert into big select n, 'n' || n, '2020-01-01Z'::timestamptz + n * interval '1 hour', 's' || n from generate_series(1, 5000) n;
create table locked (k int primary key);
create table heap (k int);
create table small (k int primary key);
insert into small values (1), (2);
create function folded(int) returns int language plpgsql immutable as 'begin return $1; end';
analyze;
alter database app set geqo = off;
alter database app set join_collapse_limit = 40;
alter database app set from_collapse_limit = 40;
`
const POLICY = `version: 1
rules:
  - { id: few, decision: allow, what: { effects: [read, write], relations: ["public.*"], estimated-rows: { at-most: 1000 } } }
  - { id: rest, decision: allow, what: { effects: [session, transaction, ddl, procedural] } }
  - { id: not-many-deleted, decision: deny, what: { tags: [DELETE], estimated-rows: { over: 100 } } }
masks:
  - { columns: ["public.big.secret"], with: redact }
`

let governed: Governed
let client: RawClient
let direct: Client

beforeAll(async () => {
  governed = await govern({ schema: SCHEMA, policy: POLICY })
  direct = await governed.direct()
}, 120_000)
afterAll(() => governed?.stop())
beforeEach(async () => {
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterEach(() => {
  client.socket.destroy()
})

const int = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value)
  return bytes
}
const BOUND = { portal: '', statement: 's', resultFormats: [] } as const
const answer = async (sql: string): Promise<string> => errorOf(await client.query(sql))

describe('A6: what the planner expects decides', () => {
  test.each([
    ['select k from big where k <= 10', 'none'],
    ['select k from big', '42501'],
    ['select k from big where k <= 4000', '42501'],
    ['select k, secret from big where k <= 10', 'none'],
    ['select k, secret from big', '42501'],
    ['select count(*) from big', 'none'],
    ['select k from big limit 5', 'none'],
    ["select upper(note) || lower(coalesce(note, '')) from big where k = 3 and note like 'n%'", 'none'],
    ['select sum(k)::text from small where abs(k) in (1, 2)', 'none'],
    ["select k from big where at < '2020-01-02'", 'none'],
    ["select k from big where at > '2020-01-02'", '42501'],
    ['delete from big where k < 0', 'none'],
    ['delete from big where k <= 500', '42501'],
    ["update big set note = 'x' where k = 7", 'none'],
    ["update big set note = 'x' where k > 7", '42501'],
    ['insert into small select k from big', '42501'],
    ['with gone as (delete from big where k <= 500 returning k) select 1 from gone limit 1', '42501'],
    // What the planner may not be shown, or can't be: nobody knows, which counts against it.
    ['select folded(1) from small', '42501'],
    ['copy (select k from small) to stdout', '42501'],
    ['explain select k from small', '42501'],
    ['select k from small where now() is not null', '42501'],
  ])('A7: %s: %s', async (sql, code) => {
    expect(await answer(sql)).toBe(code)
  })

  test('a text of several is judged one by one', async () => {
    expect(await answer('select k from small; select k from big where k < 5')).toBe('none')
    expect(await answer('select k from small; select k from big')).toBe('42501')
  })

  test('the refusal says which, and the session goes on', async () => {
    expect((await client.query('delete from big where k <= 500')).join('\n')).toContain('not-many-deleted')
    expect(await answer('select k from small')).toBe('none')
  })
})

describe('A6: each run by its own parameters', () => {
  const BELOW = 'select k from big where k <= $1'

  test.each([
    ['text', 0, (value: number) => bind('', 's', [String(value)])],
    ['binary', 23, (value: number) => encodeBind({ ...BOUND, parameterFormats: [1], parameters: [int(value)] })],
  ] as const)('A7: a statement prepared once, with parameters in %s', async (_format, type, bound) => {
    const run = async (value: number): Promise<string> => errorOf(await sendTo(client, [bound(value), execute()]))
    await sendTo(client, [parse('s', BELOW, [type])])
    expect(await run(10)).toBe('none')
    expect(await run(4_900)).toBe('42501')
    expect(await run(11)).toBe('none')
    expect(await run(4_900)).toBe('42501')
  })

  test('A7: in one pipeline, nothing runs where one of them is too much', async () => {
    const steps = (...values: number[]) => [
      parse('', BELOW),
      ...values.flatMap(value => [bind('', '', [String(value)]), execute()]),
    ]
    expect(errorOf(await sendTo(client, steps(1, 2, 3)))).toBe('none')
    const lines = await sendTo(client, steps(1, 4_900, 2))
    expect(errorOf(lines)).toBe('42501')
    expect(rowsOf(lines)).toEqual([])
  })

  test('A7: two portals of one statement at once', async () => {
    const lines = await sendTo(client, [
      parse('s', BELOW),
      bind('few', 's', ['1']),
      bind('many', 's', ['4900']),
      execute('few'),
      execute('many'),
    ])
    expect(errorOf(lines)).toBe('42501')
    expect(rowsOf(lines)).toEqual([])
  })

  test('a portal that is fetched in parts keeps what was said of it', async () => {
    await client.query('begin')
    await sendTo(client, [parse('s', BELOW), bind('p', 's', ['5']), describePortal('p')])
    expect(rowsOf(await sendTo(client, [execute('p', 2)]))).toEqual(['D 1', 'D 2'])
    expect(rowsOf(await sendTo(client, [execute('p', 2)]))).toEqual(['D 3', 'D 4'])
    await client.query('commit')
  })

  test('A7: EXECUTE has an estimate where it has no arguments; of those the server makes other values', async () => {
    await client.query('prepare few as select k from big where k <= 5')
    await client.query('prepare many as select k from big')
    await client.query("prepare either(text) as select k from big where $1 = '1000'")
    expect(await answer('execute few')).toBe('none')
    expect(await answer('execute many')).toBe('42501')
    // As a bound parameter it would be the text `1e3`, and of no row.
    expect(await answer('execute either(1e3)')).toBe('42501')
    await sendTo(client, [parse('s', 'execute either(1e3)', [25])])
    expect(errorOf(await sendTo(client, [bind('', 's', ['none']), execute()]))).toBe('42501')
    await sendTo(client, [closeStatement('s')])
  })

  test('A7: a cursor is estimated as a whole, and fetched from under that', async () => {
    await client.query('begin')
    expect(await answer('declare c cursor for select k from big where k <= 5')).toBe('none')
    expect(rowsOf(await client.query('fetch 2 from c'))).toEqual(['D 1', 'D 2'])
    expect(rowsOf(await client.query('fetch 2 from c'))).toEqual(['D 3', 'D 4'])
    expect(await answer('declare d cursor for select k from big')).toBe('42501')
    await client.query('rollback')
  })
})

describe('A7: as the session would have it', () => {
  test('dates are read by the settings of the session', async () => {
    // The second of January, or the first of February: 24 or 744 of the hours that the table has.
    const sql = "select k from big where at < '01/07/2020'"
    expect(await answer('set datestyle = dmy')).toBe('none')
    expect(await answer(sql)).toBe('42501')
    expect(await answer('set datestyle = mdy')).toBe('none')
    expect(await answer(sql)).toBe('none')
    // In one text with its change nobody has told the planner yet.
    expect(await answer(`set datestyle = mdy; ${sql}`)).toBe('42501')
    expect(await answer(sql)).toBe('none')
    expect(await answer("set time zone 'Asia/Tokyo'")).toBe('none')
    expect(await answer(sql)).toBe('none')
  })

  test('another setting that changes what a statement means leaves it unknown', async () => {
    expect(await answer('set application_name = x')).toBe('none')
    expect(await answer('select k from small where k = null')).toBe('none')
    expect(await answer('set transform_null_equals = on')).toBe('none')
    expect(await answer('select k from small where k = null')).toBe('42501')
  })

  test('in a transaction, and not behind a schema change in it', async () => {
    await client.query('begin')
    expect(await answer('select k from small')).toBe('none')
    await client.query('create table made as select k from small limit 1')
    await client.query('rollback; begin')
    await client.query('rollback')
    await client.query('begin')
    expect(await answer('create table made (k int)')).toBe('none')
    expect(await answer('select k from made')).toBe('42501')
    await client.query('rollback')
    await client.query('begin')
    expect(await answer('create table other (k int)')).toBe('none')
    expect(await answer('select k from small')).toBe('42501')
    await client.query('rollback')
    expect(await answer('select k from small')).toBe('none')
  })
})

describe('F14: whatever keeps the planner from answering lets nothing run', () => {
  test('a lock', async () => {
    await direct.query('begin; lock table locked')
    expect(await answer('select k from locked')).toBe('42501')
    await direct.query('rollback')
    expect(await answer('select k from locked')).toBe('none')
  })

  test('planning that takes too long', async () => {
    const tables = Array.from({ length: 16 }, (_, i) => `heap s${i}`)
    const joins = Array.from({ length: 16 }, (_, i) => `s${i}.k = s${(i + 1) % 16}.k`)
    expect(await answer(`select 1 from ${tables.join(', ')} where ${joins.join(' and ')}`)).toBe('42501')
    expect(await answer('select k from small')).toBe('none')
  })

  test('its connection killed while it plans; the next question has a new one', async () => {
    expect(await answer('select k from small')).toBe('none')
    const killer = await governed.direct()
    await direct.query('begin; lock table locked')
    const asked = answer('select k from locked')
    await expect
      .poll(
        async () => {
          const killed = await killer.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where query like 'explain (format json)%' and state = 'active'`,
          )
          return killed.rows.length
        },
        { interval: 10 },
      )
      .toBeGreaterThan(0)
    await direct.query('rollback')
    expect(await asked).toBe('42501')
    expect(await answer('select k from locked')).toBe('none')
  })

  test('its connection killed while nobody asks', async () => {
    expect(await answer('select k from small')).toBe('none')
    const killed = await direct.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'rollback' and application_name = 'querywarden'`,
    )
    expect(killed.rows.length).toBeGreaterThan(0)
    expect(await answer('select k from big')).toBe('42501')
    await expect.poll(() => answer('select k from small')).toBe('none')
  })

  test('no connection to be had', async () => {
    await direct.query('alter role svc_app connection limit 1')
    const kept = `from pg_stat_activity where query = 'rollback' and application_name = 'querywarden'`
    await direct.query(`select pg_terminate_backend(pid) ${kept}`)
    await expect.poll(async () => (await direct.query(`select ${kept}`)).rows.length).toBe(0)
    expect(await answer('select k from small')).toBe('42501')
    await direct.query('alter role svc_app connection limit -1')
    expect(await answer('select k from small')).toBe('none')
  })

  test('a crowd that waits for slow plans is heard in turn', async () => {
    await direct.query('begin; lock table locked')
    const slow = await Promise.all(
      Array.from({ length: 4 }, async () => rawLogin(governed.gateway.postgres, await governed.token())),
    )
    const refused = slow.map(async one => errorOf(await one.query('select k from locked')))
    expect(await answer('select k from small')).toBe('none')
    expect(await Promise.all(refused)).toEqual(['42501', '42501', '42501', '42501'])
    for (const one of slow) one.socket.destroy()
    await direct.query('rollback')
  })
})
