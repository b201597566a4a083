import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeStatement, errorOf, sendTo } from './asking.ts'
import { type Governed, govern } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

const RULES = `version: 1
rules:
  - { id: read, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read, transaction, session] } }
  - { id: write, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write, procedural] } }
  - { id: no-pay, decision: deny, what: { columns: ["public.people.pay"] } }
  - { id: no-delete, decision: deny, what: { tags: [DELETE] } }
  - { id: audit-by-triggers, decision: deny, what: { effects: [write], relations: ["public.audit"], via: [statement] } }
  - { id: notes-alone, decision: deny, what: { relations: ["public.notes"], multi-statement: true } }
  - { id: orders-not-in-transactions, decision: deny, what: { relations: ["public.orders"], in-transaction: true } }
  - { id: logs-only-in-transactions, decision: deny, what: { relations: ["public.logs"], in-transaction: false } }
`
const SCHEMA = `
create table people (id int primary key, name text, pay int);
create table notes (id int); create table orders (id int); create table logs (id int); create table audit (id int);
create view payroll as select id, pay as amount from people;
create view names as select id, name from people;
create function pay_of(int) returns int language sql stable as 'select pay from public.people where id = $1';
create function set_pay(int) returns void language sql as 'update public.people set pay = 1 where id = $1';
create function add_pay(int) returns void language plpgsql as 'begin insert into public.payroll values ($1, 7); end';
create function note_it() returns trigger language plpgsql as 'begin insert into public.audit values (new.id); return new; end';
create trigger note_it after insert on notes for each row execute function note_it();
`

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({ targetUser: 'postgres', schema: SCHEMA, policy: RULES })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(() => governed.stop())

const code = async (text: string): Promise<string> => errorOf(await client.query(text))
const ruleOf = (lines: readonly string[]): string => /refused by rule ([\w-]+)/.exec(lines.join('\n'))?.[1] ?? 'none'

describe('columns, by whatever way they are reached', () => {
  test.each([
    'select id, name from people',
    'select count(*) from people',
    'select * from names',
    'select p.name from people p join names n using (id) order by p.id',
    "update people set name = 'x' where id = 1",
  ])('%s', async text => {
    expect(await code(text)).toBe('none')
  })

  test.each([
    'select pay from people',
    'select * from people',
    'select people from people',
    'select (p).pay from people p',
    'select p::text from people p',
    'select to_json(p) from people p',
    'select id from people where pay > 10',
    'select id from people order by pay',
    'select count(*) from people group by pay',
    'select 1 from people p join people q on p.pay = q.id',
    'select 1 from people natural join (values (1)) as v(pay)',
    'select (select max(pay) from people)',
    'with p as (select * from people) select id from p',
    'with p(a, b, c) as (select * from people) select c from p',
    'select amount from payroll',
    'select pay_of(1)',
    'select set_pay(1)',
    'select add_pay(9)',
    'update people set pay = 1 where id = 1',
    'update people set name = pay where id = 1',
    "update people set name = 'x' where id = 1 returning pay",
    "update people set name = 'x' where pay > 1",
    'insert into people values (1, null, 3)',
    'insert into people (id, pay) values (1, 3)',
    'copy people to stdout',
    'table people',
  ])('P11: %s', async text => {
    const lines = await client.query(text)
    expect(errorOf(lines)).not.toBe('none')
  })
})

test.each([
  'delete from notes where id = 1',
  'with gone as (delete from notes where id = 1 returning *) select * from gone',
  'explain delete from notes where id = 1',
  'prepare d as delete from notes where id = 1',
])('P11: a DELETE by whatever name: %s', async text => {
  expect(ruleOf(await client.query(text))).toBe('no-delete')
})

test('a table that triggers alone may write to', async () => {
  expect(await code('insert into notes values (1)')).toBe('none')
  expect(ruleOf(await client.query('insert into audit values (1)'))).toBe('audit-by-triggers')
})

test('what must be alone in its text', async () => {
  expect(await code('select id from notes')).toBe('none')
  expect(ruleOf(await client.query('select 1; select id from notes'))).toBe('notes-alone')
})

describe('P12: whether a transaction is open', () => {
  test('a BEGIN ahead of it', async () => {
    expect(await code('select id from orders')).toBe('none')
    expect(await code('select id from logs')).not.toBe('none')
    await client.query('begin')
    expect(await code('select id from logs')).toBe('none')
    expect(ruleOf(await client.query('select id from orders'))).toBe('orders-not-in-transactions')
    await client.query('rollback')
  })

  test('a portal that was bound ahead of a BEGIN runs behind it, and is judged so', async () => {
    const ahead = [parse('ahead', 'select id from orders'), bind('early', 'ahead')]
    expect(errorOf(await sendTo(client, [...ahead, execute('early'), closeStatement('ahead')]))).toBe('none')
    const lines = await sendTo(client, [...ahead, parse('', 'begin'), bind('', ''), execute(), execute('early')])
    expect(ruleOf(lines)).toBe('orders-not-in-transactions')
  })

  test.each(['begin', 'commit'])('a %s in the same batch makes it unknown, which is no way round', async word => {
    if (word === 'commit') await client.query('begin')
    for (const name of ['orders', 'logs']) {
      const lines = await sendTo(client, [
        parse('', word),
        bind('', ''),
        execute(),
        parse('', `select id from ${name}`),
        bind('', ''),
        execute(),
      ])
      expect(errorOf(lines)).not.toBe('none')
      await client.query('rollback')
      if (word === 'commit') await client.query('begin')
    }
    await client.query('rollback')
  })
})
