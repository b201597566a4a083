import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GovernedServer, startGovernedServer } from './governed-server.ts'
import { errorOf } from './same-both-ways.ts'

const SCHEMA = `
create table notes (id int);
create table salaries (id int, amount int);
insert into salaries values (1, 100), (2, 200);
`

/** May read all, define things, and write notes only. */
const POLICY = `version: 1
rules:
  - { id: most, decision: allow, what: { effects: [read, ddl, session, transaction] } }
  - { id: notes, decision: allow, what: { effects: [write], relations: ["public.notes"] } }
`
const EMPTY = "SELECT pg_catalog.set_config('search_path', '', false)"

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 17, schema: SCHEMA, policy: POLICY })
})
afterAll(() => world.stop())

async function connected<Outcome>(work: (client: Client) => Promise<Outcome>): Promise<Outcome> {
  const { host, port, user, password, database } = world.governed
  const client = new Client({ host, port, user, password, database })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('N1: without a search path no bare name is taken for one on the path, where a temporary view may stand', () =>
  connected(async client => {
    await client.query(EMPTY)
    await client.query('create temp view notes as select * from public.salaries')
    for (const text of ['delete from notes', 'insert into notes values (9)', 'select * from notes', 'table salaries'])
      expect(await errorOf(client.query(text))).toMatchObject({ code: '42501' })
    const { rows } = await client.query('select sum(amount)::int as sum from public.salaries')
    expect(rows).toEqual([{ sum: 300 }])
  }))

test('N1: what was prepared before is judged again', () =>
  connected(async client => {
    const prepared = { name: 'put', text: 'insert into notes values (1)' }
    await client.query(prepared)
    await client.query(EMPTY)
    await client.query('create temp view notes as select id from public.salaries')
    expect(await errorOf(client.query(prepared))).toMatchObject({ code: '42501' })
    expect((await client.query('select count(*)::int as n from public.salaries')).rows).toEqual([{ n: 2 }])
  }))

test('N1: a transaction that is rolled back gives the session no name back that the gateway has forgotten', () =>
  connected(async client => {
    await client.query('begin')
    await client.query(EMPTY)
    await client.query('rollback')
    expect(await errorOf(client.query('insert into notes values (2)'))).toMatchObject({ code: '42501' })
    expect((await client.query('insert into public.notes values (3) returning id')).rows).toEqual([{ id: 3 }])
  }))

test('N1: pg_temp stays behind the names of the server', () =>
  connected(async client => {
    await client.query(EMPTY)
    await client.query('create view pg_temp.pg_tables as select * from public.salaries')
    const { rows, fields } = await client.query("select * from pg_tables where tablename = 'salaries'")
    expect(fields.map(({ name }) => name)).toContain('tablename')
    expect(rows).toMatchObject([{ tablename: 'salaries' }])
    const { rows: answer } = await client.query(EMPTY)
    expect(answer).toEqual([{ set_config: '' }])
    expect((await client.query('show search_path')).rows).toEqual([{ search_path: 'pg_temp' }])
  }))
