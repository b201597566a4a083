import { FLUSH, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

/** Nothing else in the database, and nothing that a client sends, looks like this. */
const CANARY = 'canary7f3a'
const LEAKY = `
insert into customers values (9, 'Mallory', '${CANARY}-mail@example.com', '${CANARY}-ssn', 50);
create table accounts (id int primary key, secret text unique deferrable initially deferred, pay int check (pay > 0), tag text unique deferrable initially deferred);
insert into accounts values (1, '${CANARY}-one', 1), (2, '${CANARY}-two', 2);
create view people as select id, name, ssn from customers;
-- Code that can't be read, so that only what it says is in the way: a record's default is in no parse tree.
create function tell() returns trigger language plpgsql as $$
declare row record := new; begin raise notice 'row %', row; raise warning using message = new.secret, detail = new.secret, hint = new.secret; return new; end $$;
create constraint trigger tell after update on accounts deferrable initially deferred for each row execute function tell();
create function wrecks() returns trigger language plpgsql as $$ begin raise exception 'row % is wrong', new; end $$;
create trigger wrecks before delete on accounts for each row execute function wrecks();
-- Code that touches no masked column, and whose error prints the whole row.
create table ledgers (id int primary key, secret text, pay int check (pay > 0));
insert into ledgers values (1, '${CANARY}-ledger', 1);
create function overdraws() returns int language plpgsql as $$ begin update ledgers set pay = -1 where id = 1; return 1; end $$;
analyze;
`

const TELLING = `rules:
  - { id: tells, decision: allow, what: { effects: [unknown], functions: ["public.tell"] } }
  - { id: runs, decision: allow, what: { effects: [procedural] } }
`

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    targetUser: 'postgres',
    schema: SCHEMA + LEAKY,
    policy: `${POLICY.replace('"public.notes"', '"public.notes", "public.accounts", "public.ledgers"').replace('rules:\n', TELLING)}  - { columns: ["public.accounts.secret", "public.ledgers.secret"], with: redact }\n`,
  })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(() => governed.stop())

/** Every byte that the gateway ever sent, not what a driver made of it. */
const neverSeen = (): void => expect(client.text).not.toContain(CANARY)

describe('P10: no channel carries a masked value (corpus 13)', () => {
  test.each([
    'select ssn::int from customers',
    'select ssn::date, email::uuid from customers',
    'select * from customers',
    'select c from customers c',
    'select row_to_json(c) from customers c',
    'select (c).* from customers c',
    'select ssn from people',
    'select max(ssn), min(email) from customers',
    "select string_agg(ssn, ',') from customers",
    'select array(select ssn from customers)',
    'select ssn from customers union select email from customers',
    'select (select ssn from customers where id = 9)',
    "select case when ssn like 'canary%' then 'yes' else 'no' end from customers",
    'with c as (select * from customers) select * from c',
    'select x.ssn from (select * from customers) x join customers y using (ssn)',
    'insert into customers select 50, ssn, email, ssn, 1 from customers where id = 9',
    'insert into customers (id, name, ssn) select 51, ssn, ssn from customers where id = 9 returning *',
    'update customers set age = -1 where id = 9',
    'update customers set name = ssn where id = 9',
    'update customers set age = 51 where id = 9 returning ssn, email',
    "insert into customers values (9, 'x', 'x', 'x', 1)",
    'delete from customers where id = 9 and 1 = ssn::int',
    'update accounts set pay = -1 where id = 1',
    'select overdraws()',
    'do $$ begin update ledgers set pay = -1 where id = 1; end $$',
    'insert into accounts select 3, secret, 1 from accounts where id = 1',
    'update accounts set pay = 5 where id = 1',
    'delete from accounts where id = 1',
    "select count(pg_notify('ch', ssn)) from customers",
    "select count(set_config('application_name', ssn, false)) from customers",
    "select set_config('TimeZone', ssn, false) from customers",
    "do $$ declare r record; begin for r in select * from customers loop raise notice '%', r.ssn; end loop; end $$",
    'create temp table z as select ssn from customers',
    'select ssn into temp z from customers',
    "select query_to_xml('select ssn from customers', true, false, '')",
    "select most_common_vals, histogram_bounds from pg_stats where tablename = 'customers'",
    'select * from pg_stat_activity',
    'table pg_stats',
    'explain (analyze, verbose) select * from customers where ssn > email',
    'select ctid, xmin, * from customers for update',
    'select 1/0 from customers where ssn is not null',
    'select * from customers where ssn::int > 5',
    'declare c cursor with hold for select ssn from customers',
    'prepare p as select ssn from customers',
    'copy customers to stdout',
  ])('%s', async text => {
    await client.query(text)
    client.send(parse('', text), bind('', ''), describePortal(), execute(), SYNC)
    await client.until('Z')
    await client.query('begin')
    await client.query(text)
    await client.query('rollback')
    expect((await client.query('select count(*) from orders')).at(-1)).toBe('Z idle')
    neverSeen()
  })

  test('what a transaction deferred speaks at its end: to COMMIT, to Sync, to SET CONSTRAINTS', async () => {
    const update = 'update accounts set pay = 7 where id = 2'
    const swap = "insert into accounts (id, tag, pay) values (10, 'twin', 1), (11, 'twin', 1)"
    for (const text of [update, swap]) {
      await client.query('begin')
      expect((await client.query(text))[0]).toMatch(/^C /)
      await client.query('commit')
      await client.query('begin')
      await client.query(text)
      await client.query('set constraints all immediate')
      await client.query('rollback')
      client.send(parse('', text), bind('', ''), execute(), FLUSH)
      await client.until('C')
      client.send(SYNC)
      await client.until('Z')
    }
    neverSeen()
    expect(client.text).not.toContain('(tag)=(twin)')
    expect(client.text).toContain('23505')
  })

  test('a masked table says which constraint failed, and nothing of the row', async () => {
    const lines = await client.query('update customers set age = -1 where id = 9')
    expect(lines[0]).toMatch(/^E ERROR 23514 the database reports SQLSTATE 23514/)
    expect(client.text).toContain('ncustomers_age_check')
  })

  test('errors of tables without masks keep their words', async () => {
    await client.query("insert into notes values (1, 'a')")
    expect((await client.query("insert into notes values (1, 'b')"))[0]).toMatch(/duplicate key value/)
    expect(client.text).toContain('Key (id)=(1) already exists.')
  })

  test('settings that SQL can give any value are not reported, nor is the account', async () => {
    const before = client.text.length
    await client.query("set application_name = 'told'")
    expect(client.text.slice(before)).not.toContain('told')
    expect(client.text).not.toContain('session_authorization')
    expect(client.text).toContain('server_version')
  })
})

describe('P10: notifications', () => {
  test('LISTEN is refused in words, not silently dead', async () => {
    expect(await client.query('listen news')).toEqual([expect.stringMatching(/^E ERROR 0A000 .*LISTEN/), 'Z idle'])
    client.send(parse('', 'listen news'), bind('', ''), execute(), SYNC)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 0A000/), 'Z idle'])
  })
})
