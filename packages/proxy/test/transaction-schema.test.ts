import type { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { errorOf, sendTo } from './asking.ts'
import { type Governed, govern, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

const WORLD = `${SCHEMA}
create function tag_of(int) returns text language sql stable as 'select ''t'' || $1';
create table shaped (ssn text not null);
create table shaped_parts (like customers) partition by list (name);
create view shown as select id, status from orders;
create function replaces() returns void language plpgsql as $replaces$ begin
  create or replace function tag_of(int) returns text language sql stable as 'select ssn from public.customers where id = $1';
end $replaces$;
`

const POLICY = `version: 1
rules:
  - { id: all-but-unknown, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read, write, ddl, transaction, session, procedural] } }
masks:
  - { columns: ["public.customers.ssn"], with: redact }
`

const CODE = {
  function: {
    change: `create or replace function tag_of(int) returns text language plpgsql stable as
             'begin return (select ssn from customers where id = $1); end'`,
    use: 'select tag_of(1) as tag',
  },
  view: {
    change: "create or replace view shown as select id, status || 'x' as status from orders",
    use: 'select status from shown',
  },
  'function where only a built-in one was': {
    change: `create function upper(int) returns text language plpgsql as 'begin return (select ssn from customers where id = $1); end'`,
    use: 'select upper(1)',
  },
}

describe('code that is changed in an open transaction', () => {
  let world: Governed
  let agent: Client

  beforeAll(async () => {
    world = await govern({ schema: WORLD, policy: POLICY, targetUser: 'postgres' })
  }, 120_000)
  afterAll(async () => {
    await world?.stop()
  })
  beforeEach(async () => {
    agent = await world.client()
  })
  afterEach(async () => {
    await agent.end()
  })

  const shownBy = (sql: string): Promise<string> =>
    agent.query(sql).then(
      found => JSON.stringify([found].flat().map(({ rows }) => rows)),
      error => error.code,
    )

  test.each(Object.entries(CODE))('N2: a %s does not run by what was known of the one before', async (_kind, code) => {
    await agent.query('begin')
    expect(await shownBy(code.change)).toBe('[[]]')
    expect(await shownBy(code.use)).toBe('42501')
    await agent.query('rollback')
    expect(await shownBy(code.use)).not.toBe('42501')
  })

  test.each(Object.entries(CODE))('N2: nor does a %s in one text with its change', async (_kind, code) => {
    const shown = await shownBy(`${code.change}; ${code.use}`)
    expect(shown).toBe('42501')
    await agent.query('begin')
    expect(await shownBy(`${code.change}; ${code.use}`)).toBe('42501')
    await agent.query('rollback')
    expect(SECRETS.filter(secret => shown.includes(secret))).toEqual([])
  })

  test.each([
    'select replaces(), tag_of(1)',
    `do $do$ begin ${CODE.function.change}; raise notice '%', tag_of(1); end $do$`,
    `do $do$ begin ${CODE.view.change}; end $do$`,
  ])('N2: nor where code changes it while a statement runs: %s', async text => {
    const shown: string[] = []
    agent.on('notice', ({ message }) => shown.push(message ?? ''))
    expect(await shownBy(text)).toBe('42501')
    expect(shown).toEqual([])
    expect(await shownBy('do $do$ begin create table made (id int); drop table made; end $do$')).toBe('[[]]')
  })

  test('N2: nor does what was bound ahead of its change and runs behind it', async () => {
    const client = await rawLogin(world.gateway.postgres, await world.token())
    const { change, use } = CODE.function
    const batch = [parse('ahead', use), bind('early', 'ahead'), parse('', change), bind('', ''), execute()]
    const lines = await sendTo(client, [...batch, execute('early')])
    expect(errorOf(lines)).toBe('42501')
    await client.query('begin')
    const cursor = `declare early cursor for ${use}; ${change}; fetch early`
    expect(errorOf(await client.query(cursor))).toBe('42501')
    await client.query('rollback')
    expect(errorOf(await client.query(use))).toBe('none')
  })

  test.each([
    'alter table customers rename to passing',
    'alter table customers inherit shaped',
    'alter table shaped_parts attach partition customers default',
  ])('N2: a table that has what is masked is not put where it isn’t: %s', async sql => {
    await agent.query('begin')
    expect(await shownBy(sql)).toBe('42501')
    await agent.query('rollback')
  })

  test('behind a savepoint that was rolled back the doubt stays, and the transaction can go on and end', async () => {
    for (const sql of ['begin', 'savepoint a', CODE.function.change, 'rollback to a']) await agent.query(sql)
    expect(await shownBy(CODE.function.use)).toBe('42501')
    await agent.query('rollback')
    for (const sql of ['begin', CODE.view.change, "set local application_name = 'x'", 'create table made (id int)'])
      await agent.query(sql)
    await agent.query('commit')
    expect(await shownBy(CODE.view.use)).toContain('newx')
    await agent.query('drop table made')
  })

  test('tables are made and changed in transactions as ever', async () => {
    await agent.query('begin')
    await agent.query('create table made (id int); alter table notes add column extra int')
    await agent.query('create index on notes (body)')
    expect(await shownBy('select id from orders where id = 1')).toBe('[[{"id":1}]]')
    expect(await shownBy("insert into notes (id, body) values (1, 'x')")).toBe('[[]]')
    await agent.query('rollback')
  })
})

describe('names that a transaction takes away', () => {
  let world: Governed
  let client: RawClient

  beforeAll(async () => {
    const policy = POLICY.replace('public.customers.ssn', 'crm.customers.ssn')
    const schema = `${SCHEMA}
      create schema crm; create table crm.customers as select * from customers; truncate customers;
      create schema elsewhere;
    `
    world = await govern({ schema, policy, targetUser: 'postgres', searchPath: ['public', 'crm'] })
    client = await rawLogin(world.gateway.postgres, await world.token())
  }, 120_000)
  afterAll(async () => {
    await world?.stop()
  })

  test.each([
    ['drop table customers', "select ssn || '' from customers"],
    ['alter table customers rename to gone', "select ssn || '' from customers"],
    ['alter table customers set schema elsewhere', "select ssn || '' from customers"],
  ])('N1: %s: what else has the name is not read for it', async (taking, use) => {
    expect(errorOf(await client.query(use))).toBe('none')
    await client.query('begin')
    expect(errorOf(await client.query(taking))).toBe('none')
    expect(errorOf(await client.query(use))).toBe('42501')
    await client.query('rollback')
    expect(errorOf(await client.query(`${taking}; ${use}`))).toBe('42501')
  })
})
