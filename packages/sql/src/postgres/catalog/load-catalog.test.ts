import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, relationKey } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpusPolicy, corpusSchema } from '../../../test/attack-corpus.ts'
import { loadCatalog } from './load-catalog.ts'
import type { Query } from './snapshot.ts'

const queryOf =
  (client: Client): Query =>
  async sql =>
    (await client.query({ text: sql, rowMode: 'array' })).rows

const EXTRAS = `
create schema lab;
create table lab."Odd ""name""" (id int, "col.1" varchar(20), gone int, payload numeric(10, 2)[]);
alter table lab."Odd ""name""" drop column gone;
create sequence lab.counter;
create table lab.snapshots (id int, was public.customers, history public.customers[]);
create domain lab.customer as public.customers;
create table lab.wrapped (one lab.customer);
create type lab.pair as (label text, who public.customers);
create table lab.paired (duo lab.pair);
create table lab.mail (id int, addr text references public.customers (email));
create type lab.ref as (v int);
create function lab.ref_text(lab.ref) returns text language sql as 'select public.find_ref(($1).v)';
create cast (lab.ref as text) with function lab.ref_text(lab.ref) as implicit;
create table lab.refs (id int, r lab.ref[]);
create or replace function public.gen_random_uuid() returns uuid language sql volatile as 'select pg_catalog.gen_random_uuid()';
create function lab.upper(int) returns text language sql as 'select public.find_ref($1)';
create function lab.lower(text default 'x') returns text language sql as 'select $1';
create view lab.counted as select count(*) as n from public.customers;
create view lab.conditioned as select o.id from public.orders o join public.customers c on c.id = o.customer_id where c.ssn like '5%';
create view lab.statistics as select most_common_freqs, n_distinct from pg_catalog.pg_stats;
create view lab.raw_statistics as select stanumbers1 from pg_catalog.pg_statistic;
create view lab.calls as select id, public.find_ref(id) as ref from public.orders;
create view lab.calls_on as select * from lab.calls;
create view lab.settings_read as select current_setting('application_name') as name;
create view lab.xml as select query_to_xml('select ssn from public.customers', true, false, '') as doc;
create view lab.operates as select c.id, operator(public.@#) c as sig from public.customers c;
create view lab.case_blind as select id from public.orders where note::citext = 'x'::citext;
create operator lab.=== (function = public.evil_eq, leftarg = text, rightarg = text);
create view lab.shadowed as select id from public.orders where note operator(lab.===) 'x'::text;
create view lab.pure as select upper(title) as title, round(price, 1) as price, to_char(price, '999') as shown from public.products;
create view lab.recursive as with recursive r as (select id from public.orders union select r.id + 1 from r where r.id < 200) select * from r;
create view lab.subrow as select s.id, row_to_json(s) as doc from (select id, pan from public.cards) s;
create function lab.spends(int) returns boolean language sql as 'select true';
create domain lab.harmless as int check (value > 0);
create domain lab.coded as int check (lab.spends(value));
create type lab.mood as enum ('up', 'down');
create function lab.gap(int, int) returns float8 language sql immutable as 'select ($1 - $2)::float8';
create type lab.span as range (subtype = int4, subtype_diff = lab.gap);
create type lab.plain_span as range (subtype = int4);
create function lab.rowish(record) returns text language plpgsql as 'begin return ''x''; end';
create function lab.with_defaults(c public.customers, n int default 1) returns text language sql as 'select ''x''';
create function lab.many(variadic c public.cards[]) returns text language sql as 'select ''x''';
create function lab.two(a int, b int) returns int language sql as 'select 1';
create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
create foreign table lab.remote (id int, ssn text) server nowhere;
create view lab.over_remote as select * from lab.remote;
create view lab.sub_settings as select * from public.v_settings;
`

/** Each by the reason that the values got there by running, not by the schema. */
const COPIED_AT_RUN_TIME = new Set(['audit.change_log.row_data' /* a trigger writes it */])

describe.each(POSTGRES_MAJORS)('the catalog of PostgreSQL %i', major => {
  let server: PostgresServer
  let client: Client
  let catalog: Catalog

  beforeAll(async () => {
    server = await startPostgres({ major, database: 'adv' })
    await server.exec(await corpusSchema())
    await server.exec(EXTRAS)
    client = new Client({ connectionString: server.url })
    await client.connect()
    // The role that the gateway logs in as has no special rights.
    await client.query('set role app_agent')
    catalog = await loadCatalog(queryOf(client), { searchPath: ['public'] })
  }, 120_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  const relation = (schema: string, name: string) => {
    const found = catalog.relations.get(relationKey({ schema, name }))
    if (found === undefined) throw new Error(`no relation ${schema}.${name}`)
    return found
  }
  const originsOf = (schema: string, name: string, column: string) =>
    relation(schema, name)
      .columns.find(known => known.name === column)
      ?.origins.map(origin => `${origin.schema}.${origin.name}.${origin.column}`)

  test('columns that derive from masked ones are reached by their origins, or opaque (6.4)', async () => {
    const policy = await corpusPolicy()
    const masked = new Set(policy.masked)
    const missed = policy.derivedButUnlisted
      .filter(path => !COPIED_AT_RUN_TIME.has(path))
      .flatMap(path => {
        const [schema = '', name = '', column = ''] = path.split('.')
        const found = relation(schema, name)
        const columns = column === '*' ? found.columns.map(known => known.name) : [column]
        return columns.map(each => ({ path: `${schema}.${name}.${each}`, opaque: found.opaque !== null }))
      })
      .filter(({ path, opaque }) => {
        const [schema = '', name = '', column = ''] = path.split('.')
        return !opaque && !originsOf(schema, name, column)?.some(origin => masked.has(origin))
      })
    expect(missed).toEqual([])
  })

  test('what shows no masked value stays free of masked origins', async () => {
    const masked = new Set((await corpusPolicy()).masked)
    const clean = ['public.orders', 'public.products', 'public.v_open_orders', 'analytics.mv_sales', 'lab.pure']
    for (const path of clean) {
      const [schema = '', name = ''] = path.split('.')
      expect(relation(schema, name).opaque).toBeNull()
      for (const column of relation(schema, name).columns) {
        expect(originsOf(schema, name, column.name)?.filter(origin => masked.has(origin))).toEqual([])
      }
    }
  })

  test('columns carry the number, type and modifier that the server has', () => {
    expect(relation('lab', 'Odd "name"').columns).toMatchObject([
      { name: 'id', attnum: 1, typeOid: 23, typmod: -1, type: 'integer' },
      { name: 'col.1', attnum: 2, typeOid: 1043, typmod: 24, type: 'character varying(20)' },
      { name: 'payload', attnum: 4, typeOid: 1231, typmod: 655366, type: 'numeric(10,2)[]' },
    ])
    expect(relation('public', 'customers').columns.find(column => column.name === 'tier')?.type).toBe('public.tier')
    expect(relation('lab', 'counter')).toMatchObject({ kind: 'table', columns: [{ name: 'last_value' }, {}, {}] })
  })

  test('a column is the first of its own origins', () => {
    for (const { schema, name, columns } of catalog.relations.values()) {
      for (const { name: column, origins } of columns) expect(origins[0]).toEqual({ schema, name, column })
    }
  })

  test('a function that a built-in one hides from every bare name is none of the database’s own', () => {
    expect(catalog.userFunctions.has('gen_random_uuid')).toBe(false)
    expect(catalog.userFunctions.has('upper')).toBe(true)
    expect(catalog.userFunctions.has('lower')).toBe(true)
  })

  test('a foreign key shows values of what it refers to', () => {
    expect(originsOf('lab', 'mail', 'addr')).toContain('public.customers.email')
    expect(originsOf('lab', 'mail', 'id')).toEqual(['lab.mail.id'])
    expect(originsOf('public', 'customers', 'email')).not.toContain('lab.mail.addr')
  })

  test('a column whose type may run code by itself, as an implicit cast does, makes its relation opaque', () => {
    expect(relation('lab', 'refs').opaque).toContain('r is of a type that may run code')
    expect(relation('crm', 'contacts').opaque).toBeNull()
    expect(relation('hr', 'employees').opaque).toBeNull()
  })

  test('a mask spreads both ways through partitions and inheritance', () => {
    const family = ['billing.payments.iban', 'billing.payments_2024h1.iban', 'billing.payments_2024h2.iban']
    for (const name of ['payments', 'payments_2024h1', 'payments_2024h2']) {
      expect(originsOf('billing', name, 'iban')?.sort()).toEqual(family)
    }
    expect(originsOf('hr', 'employees', 'national_id')).toContain('hr.people.national_id')
    expect(originsOf('hr', 'people', 'national_id')).toContain('hr.employees.national_id')
  })

  test('a whole-row reference reads every column, even beside named ones, where pg_depend forgets it', () => {
    for (const view of ['v_customer_row', 'v_customer_doc']) {
      for (const { name } of relation('public', view).columns) {
        expect(originsOf('public', view, name)).toEqual(
          expect.arrayContaining(['public.customers.ssn', 'public.customers.notes']),
        )
      }
    }
    expect(originsOf('lab', 'subrow', 'doc')).toContain('public.cards.pan')
  })

  test('a column of a row type holds every column of it, through arrays, domains and other composites', () => {
    for (const [name, column] of [
      ['snapshots', 'was'],
      ['snapshots', 'history'],
      ['wrapped', 'one'],
      ['paired', 'duo'],
    ] as const) {
      expect(originsOf('lab', name, column)).toContain('public.customers.ssn')
    }
    expect(originsOf('lab', 'snapshots', 'id')).toEqual(['lab.snapshots.id'])
  })

  test('conditions count as reading, and so does counting', () => {
    expect(originsOf('lab', 'conditioned', 'id')).toContain('public.customers.ssn')
    expect(originsOf('lab', 'counted', 'n')).toContain('public.customers.ssn')
  })

  test.each([
    ['lab', 'statistics', 'pg_stats'],
    ['lab', 'raw_statistics', 'pg_statistic'],
    ['lab', 'calls', 'find_ref'],
    ['lab', 'calls_on', 'cannot be followed'],
    ['lab', 'settings_read', 'current_setting'],
    ['lab', 'xml', 'query_to_xml'],
    ['lab', 'operates', '@#'],
    ['lab', 'remote', 'outside the database'],
    ['lab', 'over_remote', 'cannot be followed'],
  ])('%s.%s is opaque: %s', (schema, name, why) => {
    expect(relation(schema, name).opaque).toContain(why)
  })

  test('a view of nothing but tables and pure functions is not opaque', () => {
    for (const name of ['pure', 'recursive', 'conditioned', 'subrow']) expect(relation('lab', name).opaque).toBeNull()
    // What a rule does when it is written to is among its reactions.
    for (const name of ['v_settings', 'archive_requests']) expect(relation('public', name).opaque).toBeNull()
    expect(relation('lab', 'remote').kind).toBe('foreign')
    expect(relation('analytics', 'mv_directory').kind).toBe('derived')
  })

  test('functions, operators and types that may run code are known by name', () => {
    for (const name of ['find_ref', 'glue', 'close_orders', 'tag'])
      expect([...catalog.userFunctions.keys()]).toContain(name)
    for (const name of ['tag', 'row_sig', 'rowish', 'with_defaults', 'many'])
      expect(catalog.userRowFunctions).toContain(name)
    for (const name of ['two', 'find_ref']) expect(catalog.userRowFunctions).not.toContain(name)
    expect(new Set(catalog.userOperators.keys())).toContain('@#')
    for (const name of ['coded', 'span']) expect(new Set(catalog.userTypes.keys())).toContain(name)
    for (const name of ['harmless', 'plain_span', 'mood', 'tier', 'contact_info', 'customers', 'money_t', 'text']) {
      expect(new Set(catalog.userTypes.keys())).not.toContain(name)
    }
  })

  test('what an extension only computes with is as good as built in: citext takes no operator away', () => {
    for (const name of ['=', '<', '!~', '->', '%']) expect(new Set(catalog.userOperators.keys())).not.toContain(name)
    for (const name of ['replace', 'split_part']) expect([...catalog.userFunctions.keys()]).not.toContain(name)
    for (const name of ['citext', 'hstore']) expect(new Set(catalog.userTypes.keys())).not.toContain(name)
    for (const name of ['dblink', 'crosstab', 'xpath_table', 'get_raw_page']) {
      expect([...catalog.userFunctions.keys()]).toContain(name)
    }
    expect(relation('lab', 'case_blind').opaque).toBeNull()
    expect(relation('lab', 'shadowed').opaque).toContain('===')
  })

  test('system relations and those of other sessions are not in it', () => {
    const schemas = new Set([...catalog.relations.values()].map(({ schema }) => schema))
    expect([...schemas].filter(schema => schema.startsWith('pg_') || schema === 'information_schema')).toEqual([])
  })

  test('the fingerprint is stable, and moves with a column, a body, a rule and the path', async () => {
    const fingerprint = async (searchPath = ['public']) =>
      (await loadCatalog(queryOf(client), { searchPath })).fingerprint
    const before = await fingerprint()
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    expect(await fingerprint()).toBe(before)
    expect(await fingerprint(['crm', 'public'])).not.toBe(before)
    const seen = new Set([before])
    for (const change of [
      'alter table public.settings add column w int',
      "create or replace function lab.spends(int) returns boolean language sql as 'select false'",
      'create rule extra as on delete to public.settings do also select 1',
    ]) {
      await server.exec(change)
      const after = await fingerprint()
      expect(seen).not.toContain(after)
      seen.add(after)
    }
  })

  test('a temporary relation of the session stands in for nothing', async () => {
    await client.query('create temp table pg_class as select * from pg_catalog.pg_class limit 0')
    const again = await loadCatalog(queryOf(client), { searchPath: ['public'] })
    expect(again.relations.size).toBe(catalog.relations.size)
    await client.query('drop table pg_temp.pg_class')
  })

  test('the connection is left as it was, and a failure is passed on', async () => {
    const failing: Query = async sql =>
      sql.includes('pg_policy') ? Promise.reject(new Error('cut')) : queryOf(client)(sql)
    await expect(loadCatalog(failing, { searchPath: [] })).rejects.toThrow('cut')
    const { rows } = await client.query(
      "select current_setting('search_path') as path, current_setting('transaction_read_only') as ro",
    )
    expect(rows).toEqual([{ path: '"$user", public', ro: 'off' }])
  })
})

test('another major is refused', async () => {
  const query: Query = async sql => (sql.includes('server_version') ? [['140011', '14.11']] : [])
  await expect(loadCatalog(query, { searchPath: [] })).rejects.toMatchObject({ code: 'UNSUPPORTED_SERVER' })
})
