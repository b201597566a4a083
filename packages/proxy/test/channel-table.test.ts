import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeFunctionCall, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawDirect, rawLogin } from './raw-client.ts'

/** What the masks hide. Nothing else in the database, and nothing that a client sends, looks like this. */
const CANARY = 'canary-77ab-quartz'
/** The length of another hidden value: what a channel of numbers would show. */
const LENGTH = '7919'

const SCHEMA = `
create table customers (id int primary key, name text, secret text unique, long text, pay int constraint paid check (pay > 0));
insert into customers values (1, 'Ada', '${CANARY}', repeat('x', ${LENGTH}), 1);
create table often (id int, secret text, pay int);
insert into often select i, '${CANARY}', i % 3 from generate_series(1, 600) i;
create statistics often_both (mcv) on secret, pay from often;
create statistics often_lower on lower(secret) from often;
analyze;
create sequence tickets;
create view people as select id, secret from customers;
create function peek() returns text immutable language sql as 'select secret from customers where id = 1';
create function shout() returns int language plpgsql as $$
declare s text := (select secret from customers where id = 1);
begin raise exception using message = s, detail = s, hint = s, column = s, constraint = s, datatype = s, table = s, schema = s; end $$;
create function stumble() returns int language plpgsql as $$
begin execute 'select ' || quote_literal((select secret from customers where id = 1)) || ' nonsense nonsense'; return 1; end $$;
create function tell() returns int language plpgsql as $$
begin raise notice '%', (select secret from customers where id = 1); return 1; end $$;
create function keep() returns void language plpgsql as $$
begin perform set_config('my.kept', (select secret from customers where id = 1), false); end $$;
-- Code that nobody can read, which a rule below allows by its name.
create function opaque() returns trigger language plpgsql as $$
declare row record := old;
begin raise exception using errcode = '23514', message = old.secret, detail = old.secret, constraint = old.secret; end $$;
create trigger opaque before delete on often for each row execute function opaque();
create extension dblink;
select lo_from_bytea(4711, '${CANARY}');
`
const POLICY = `version: 1
rules:
  - { id: all-that-is-understood, decision: allow, what: { effects: [read, write, ddl, session, transaction, procedural, maintenance] } }
  - { id: opaque, decision: allow, what: { effects: [unknown], functions: ["public.opaque"] } }
masks:
  - { columns: ["public.*.secret", "public.*.long"], with: redact }
`

interface Channel {
  readonly texts: readonly string[]
  /** What shows on the bare server. */
  readonly shows?: string
}
const one = (...texts: readonly string[]): Channel => ({ texts })
const bits = (...texts: readonly string[]): Channel => ({ texts, shows: LENGTH })

const file = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'querywarden-channel-'))
  await writeFile(join(dir, 'told'), CANARY)
  // The server may be somebody else's.
  await chmod(dir, 0o755)
  return dir
}
const LINK = '{{link}}'
const FILE = '{{file}}'

const CHANNELS: Readonly<Record<string, Channel>> = {
  'ErrorResponse: message of a cast': one('select secret::int from customers'),
  'ErrorResponse: detail of a unique key': one('insert into customers (id, secret) select 2, secret from customers'),
  'ErrorResponse: detail of a check, which prints the row': one('update customers set pay = -1 where id = 1'),
  'ErrorResponse: M, D, H, s, t, c, d and n of code': one('select shout()'),
  'ErrorResponse: q, p and W of code': one('select stumble()'),
  'ErrorResponse: n of code that nobody can read': one('delete from often where id = 1'),
  NoticeResponse: one('select tell()'),
  'NoticeResponse of DO': one("do $$ begin raise warning '%', (select secret from customers); end $$"),
  NotificationResponse: one('listen leaks', "select pg_notify('leaks', secret) from customers"),
  'ParameterStatus: application_name': one("select set_config('application_name', secret, false) from customers"),
  'ParameterStatus of code': one(
    "do $$ begin perform set_config('application_name', (select secret from customers), false); end $$",
  ),
  'CommandComplete: what a predicate finds': {
    texts: ["select id from often where secret like 'canary-77%'"],
    shows: 'SELECT 600',
  },
  CopyData: one('copy customers to stdout'),
  'CopyData of a query': one('copy (select upper(secret), secret from customers) to stdout (format binary)'),
  'EXPLAIN of folded code': one('explain verbose select peek()'),
  'EXPLAIN ANALYZE: what a predicate finds': {
    texts: [
      "explain (analyze, timing off, costs off, summary off) select id from customers where secret like 'canary-77%'",
    ],
    shows: 'rows=1',
  },
  pg_stats: one("select most_common_vals from pg_stats where tablename = 'often'"),
  pg_statistic: one('select stavalues1 from pg_statistic where starelid = 16384::oid or true'),
  pg_stats_ext: one('select most_common_vals from pg_stats_ext'),
  pg_stats_ext_exprs: one('select most_common_vals from pg_stats_ext_exprs'),
  pg_statistic_ext_data: one(
    'select v from pg_statistic_ext_data d, lateral (select m."values" as v from pg_mcv_list_items(d.stxdmcv) m) x',
  ),
  pg_stat_activity: one("select query from pg_stat_activity where query like 'select ''canary%'"),
  pg_stat_statements: one("select query from pg_stat_statements where query like 'comment on%'"),
  pg_prepared_statements: {
    texts: ['prepare p as select secret from customers', 'select statement from pg_prepared_statements'],
    shows: 'D prepare p as',
  },
  pg_cursors: {
    texts: ['begin', 'declare c cursor for select secret from customers', 'select statement from pg_cursors'],
    shows: 'D declare c cursor',
  },
  'system columns': { texts: ['select ctid, tableoid, xmin from customers'], shows: '(0,1)' },
  currtid: { texts: ["select currtid2('customers', '(0,1)')"], shows: '(0,1)' },
  'large objects: lo_get': one("select encode(lo_get(4711), 'escape')"),
  'large objects: pg_largeobject': one("select encode(data, 'escape') from pg_largeobject"),
  'large objects: written from a table': one(
    'select lo_from_bytea(4712, secret::bytea) from customers',
    "select encode(lo_get(4712), 'escape')",
  ),
  query_to_xml: one("select query_to_xml('select secret from customers', true, false, '')"),
  table_to_xml: one("select table_to_xml('customers', true, false, '')"),
  schema_to_xml: one("select schema_to_xml('public', true, false, '')"),
  database_to_xml: one("select database_to_xml(true, false, '')"),
  cursor_to_xml: one(
    'begin',
    'declare c cursor for select secret from customers',
    "select cursor_to_xml('c', 5, true, false, '')",
  ),
  'sequences: setval': bits("select setval('tickets', length(long)) from customers", 'select last_value from tickets'),
  'sequences: nextval by a predicate': bits(
    "select count(nextval('tickets')) from customers, generate_series(1, length(long))",
    'select last_value from tickets',
  ),
  'advisory locks': bits(
    'begin',
    'select pg_advisory_xact_lock(length(long)) from customers',
    "select objid from pg_locks where locktype = 'advisory'",
  ),
  'settings of one’s own': one(
    "select set_config('my.told', secret, false) from customers",
    "select current_setting('my.told')",
  ),
  'settings of one’s own, by code': one('select keep()', "select current_setting('my.kept')"),
  'SHOW of a setting': one("select set_config('my.shown', secret, false) from customers", 'show my.shown'),
  'temporary tables': one('create temp table told as select secret from customers', 'table told'),
  'SELECT INTO': one('select secret into temp told_too from customers', 'table told_too'),
  'INSERT … SELECT': one(
    'insert into customers (id, name) select 9, secret from customers where id = 1',
    'table customers',
  ),
  'a view of one’s own': one('create temp view own as select secret from customers', 'table own'),
  dblink: one(`select * from dblink('${LINK}', 'select secret from customers') as t (s text)`),
  pg_read_file: one(`select pg_read_file('${FILE}')`),
  pg_read_binary_file: one(`select convert_from(pg_read_binary_file('${FILE}'), 'utf8')`),
  'COPY from a file': one('create temp table read (line text)', `copy read from '${FILE}'`, 'table read'),
  'a view': one('select secret from people'),
}

let governed: Governed
let dir: string
let busy: RawClient
let bare: RawClient
beforeAll(async () => {
  dir = await file()
  governed = await govern({
    schema: SCHEMA,
    policy: POLICY,
    targetUser: 'postgres',
    settings: { shared_preload_libraries: 'pg_stat_statements' },
  })
  await governed.database.exec('create extension pg_stat_statements')
  // Others of the same database, whose texts are seen by whoever may see statements.
  busy = await rawDirect(governed.database)
  await busy.query(`comment on table often is '${CANARY}'`)
  await busy.query(`select '${CANARY}'`)
  bare = await rawDirect(governed.database)
  await governed.gateway.refreshSchemas()
})
afterAll(async () => {
  busy.socket.destroy()
  await governed.stop()
  await rm(dir, { recursive: true, force: true })
})

const filled = (text: string): string => text.replace(LINK, governed.database.url).replace(FILE, join(dir, 'told'))

const extended = (client: RawClient, text: string): Promise<string[]> => {
  client.send(parse('', text), bind('', ''), describePortal(), execute(), SYNC)
  return client.until('Z')
}

const simple = (client: RawClient, text: string): Promise<string[]> => client.query(text)

describe('P10: each channel leaks on the bare server, and not through the gateway', () => {
  test.each(Object.keys(CHANNELS))('%s', async name => {
    const { texts, shows = CANARY } = CHANNELS[name] ?? one()
    const since = bare.text.length
    const leaked: string[] = []
    await bare.query('begin')
    for (const text of texts) {
      await bare.query('savepoint s')
      leaked.push(...(await bare.query(filled(text))))
      // Only a commit notifies.
      if (name === 'NotificationResponse') await bare.query('commit and chain')
    }
    await bare.query('rollback')
    await bare.query('reset all; unlisten *; deallocate all')
    expect(leaked.join('\n') + bare.text.slice(since), 'the channel is no channel').toContain(shows)

    for (const send of [simple, extended]) {
      const client = await rawLogin(governed.gateway.postgres, await governed.token())
      const told: string[] = []
      await client.query('begin')
      for (const text of texts.filter(each => each !== 'begin')) {
        await client.query('savepoint s')
        told.push(...(await send(client, filled(text))))
        if (told.at(-1) === 'Z failed') await client.query('rollback to s')
      }
      await client.query('rollback')
      expect(await client.query('select 1')).toContain('D 1')
      expect(told.join('\n')).not.toContain(shows)
      expect(client.text).not.toContain(CANARY)
      client.socket.destroy()
    }
  })

  test('FunctionCallResponse', async () => {
    const call = encodeFunctionCall({
      functionOid: 2_924, // query_to_xml, in pg_proc.dat
      argumentFormats: [],
      arguments: ['select secret from customers', 't', 'f', ''].map(text => Buffer.from(text)),
      resultFormat: 'text',
    })
    const client = await rawLogin(governed.gateway.postgres, await governed.token())
    for (const each of [bare, client]) {
      each.send(call)
      await each.until('Z')
    }
    expect(bare.text).toContain(CANARY)
    expect(client.text).not.toContain(CANARY)
    expect(client.text).toContain('0A000')
    client.socket.destroy()
  })
})
