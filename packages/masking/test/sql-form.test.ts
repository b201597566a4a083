import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Mask, UsedColumn } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { maskSql } from '../src/mask-sql.ts'
import { maskValue } from '../src/mask-value.ts'
import { MASK_CASES } from './mask-cases.ts'

const hashKey = (): Uint8Array => Buffer.from('0123456789abcdef0123456789abcdef')
const rawText = { getTypeParser: () => (value: string | Buffer) => value }
const TEXT: UsedColumn = { name: 'v', attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] }
const JSON_COLUMN: UsedColumn = { ...TEXT, typeOid: 114, type: 'json' }
const TEXTS: UsedColumn = { ...TEXT, typeOid: 1009, type: 'text[]' }
const TIMESTAMPTZ: UsedColumn = { ...TEXT, typeOid: 1184, type: 'timestamp with time zone' }

let server: PostgresServer
let client: Client
beforeAll(async () => {
  server = await startPostgres({ major: 18 })
  client = new Client({ connectionString: server.url })
  await client.connect()
  await client.query(`create table person (v text); insert into person values ('quentin@example.com'), ('x'), (null);
    create table paper (v json); insert into paper values ('{"ssn":"123-45-6789","cards":[{"pan":4111111111111111}]}'), ('[[1]]');
    create table list (v text[]); insert into list values ('{quentin@example.com,NULL,"a b"}'), ('{}')`)
})
afterAll(async () => {
  await client?.end()
  await server?.stop()
})

const shown = async (mask: Mask, column: UsedColumn, from: string): Promise<unknown[]> => {
  const sql = maskSql(hashKey)(mask, column, 'p.v')
  const { rows } = await client.query({ text: `select ${sql} from ${from} p`, rowMode: 'array', types: rawText })
  return rows.map(row => row[0])
}

async function allShown(): Promise<unknown[][]> {
  const all: unknown[][] = []
  for (const mask of MASK_CASES) {
    all.push(await shown(mask, TEXT, 'public.person'))
    all.push(await shown(mask, JSON_COLUMN, 'public.paper'))
    all.push(await shown(mask, TEXTS, 'public.list'))
  }
  return all
}

test('a mask as SQL means the same under a search_path full of look-alikes (N1)', async () => {
  const before = await allShown()
  await client.query(`
    create schema evil;
    create domain evil.text as pg_catalog.text;
    create domain evil.name as pg_catalog.name;
    create function evil."left"(pg_catalog.text, int) returns pg_catalog.text language sql as 'select $1';
    create function evil."right"(pg_catalog.text, int) returns pg_catalog.text language sql as 'select $1';
    create function evil.textcat(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as 'select null::pg_catalog.text';
    create function evil.char_length(pg_catalog.text) returns int language sql as 'select 100';
    create function evil.int4ge(int, int) returns boolean language sql as 'select true';
    create function evil.encode(bytea, pg_catalog.text) returns pg_catalog.text language sql as 'select ''''';
    create function evil.sha256(bytea) returns bytea language sql as 'select $1';
    create function evil.textregexeq(pg_catalog.text, pg_catalog.text) returns boolean language sql as 'select true';
    create function evil.texteq(pg_catalog.text, pg_catalog.text) returns boolean language sql as 'select false';
    create operator evil.= (leftarg = pg_catalog.text, rightarg = pg_catalog.text, function = evil.texteq);
    create function evil.to_json(pg_catalog.text) returns json language sql as 'select null::json';
    create function evil.json_typeof(json) returns pg_catalog.text language sql as 'select ''number''';
    create function evil.json_each(json) returns table (key pg_catalog.text, value json) language sql as 'select ''a'', $1';
    create function evil.json_array_elements(json) returns setof json language sql as 'select $1';
    create function evil.string_agg(pg_catalog.text) returns pg_catalog.text language sql as 'select $1';
    create function evil.unnest(pg_catalog.text[]) returns setof pg_catalog.text language sql as 'select ''x''';
    create collation evil."C" (provider = icu, locale = 'und', deterministic = false);
    set search_path = evil, pg_catalog, public`)
  const after = await allShown()
  await client.query('reset search_path')
  expect(after).toEqual(before)
})

test.each(['on', 'off'])('a literal reads the same with standard_conforming_strings %s (T1)', async setting => {
  const value = `it's \\' a \\\\ "value"`
  await client.query(`set escape_string_warning = off; set standard_conforming_strings = ${setting}`)
  const rows = await shown({ kind: 'constant', value }, TEXT, 'public.person')
  await client.query('reset standard_conforming_strings')
  expect(rows).toEqual([value, value, value])
})

test('a masked column has no origin, so that the second wall can tell it from the raw one', async () => {
  for (const mask of MASK_CASES) {
    const { fields } = await client.query(`select ${maskSql(hashKey)(mask, TEXT, 'p.v')} from public.person p`)
    expect([fields[0]?.tableID, fields[0]?.columnID, fields[0]?.dataTypeID]).toEqual([0, 0, 25])
  }
})

describe('dates', () => {
  const unit = { kind: 'date-trunc', unit: 'month' } as const

  test.each(['UTC', 'America/New_York', 'Asia/Kathmandu'])(
    'timestamptz is cut in UTC whatever the zone: %s',
    async zone => {
      await client.query(`set timezone = '${zone}'; create temp table moment as
      select timestamptz '1882-01-01 00:00:00+00' + n * interval '97 days 5 hours 7 minutes 1.5 seconds' as v from generate_series(0, 400) n`)
      const sql = maskSql(hashKey)(unit, TIMESTAMPTZ, 'm.v')
      const { rows } = await client.query({
        text: `select m.v, ${sql} at time zone 'UTC' from moment m`,
        rowMode: 'array',
        types: rawText,
      })
      const show = maskValue(unit, { typeOid: 1184, typmod: -1, format: 'text' }, hashKey)
      await client.query(`drop table moment; reset timezone`)
      for (const [raw, cut] of rows) expect(show(raw), raw).toBe(`${cut}+00`)
    },
  )

  test.each(['SQL, DMY', 'SQL, MDY', 'Postgres, DMY', 'German'])(
    'as text in DateStyle %s they become NULL, never wrong and never raw',
    async style => {
      const types = [
        ['date', 1082],
        ['timestamp', 1114],
        ['timestamptz', 1184],
      ] as const
      await client.query(`set datestyle = '${style}'`)
      for (const [type, typeOid] of types) {
        const { rows } = await client.query({
          text: `select '2024-03-04'::date::${type}`,
          rowMode: 'array',
          types: rawText,
        })
        expect(maskValue(unit, { typeOid, typmod: -1, format: 'text' }, hashKey)(rows[0]?.[0]), rows[0]?.[0]).toBeNull()
      }
      await client.query('reset datestyle')
    },
  )
})

test('HMAC-SHA-256 is that of RFC 4231, in both forms', async () => {
  // Test case 6, whose key is longer than a block.
  const key = Buffer.alloc(131, 0xaa)
  const value = 'Test Using Larger Than Block-Size Key - Hash Key First'
  const digest = '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'
  const sql = maskSql(() => key)({ kind: 'hash', key: null }, TEXT, 'p.v')
  const { rows } = await client.query(`select ${sql} as v from (select cast($1 as text) as v) p`, [value])
  expect(rows).toEqual([{ v: digest }])
  expect(maskValue({ kind: 'hash', key: null }, { typeOid: 25, typmod: -1, format: 'text' }, () => key)(value)).toBe(
    digest,
  )
})

const HOSTILE_SETTINGS = `set datestyle = 'German, DMY'; set intervalstyle = iso_8601; set extra_float_digits = -15; set timezone = 'Pacific/Apia';
  set bytea_output = escape; set array_nulls = off; set xmloption = document; set xmlbinary = hex; set quote_all_identifiers = on;
  set enable_seqscan = off; set search_path = ''; set default_text_search_config = 'pg_catalog.german'; set escape_string_warning = on`

test('no setting of a session changes what a mask as SQL shows, nor makes it raise (N1)', async () => {
  const columns = [
    { type: 'date', oid: 1082, values: ['4713-01-01 BC', '4714-12-31 BC', '5874897-12-31', 'infinity', '2024-02-29'] },
    { type: 'timestamptz', oid: 1184, values: ['4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59+00', '-infinity'] },
    { type: 'timestamp', oid: 1114, values: ['4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999', 'infinity'] },
    { type: 'bytea', oid: 17, values: ['\\x', '\\x00ff5c27', '\\x5c'] },
    { type: 'numeric', oid: 1700, values: ['NaN', 'Infinity', '-Infinity', '-0.00', '1e-300'] },
    { type: 'float8', oid: 701, values: ['NaN', '-0', 'Infinity', '1e-310'] },
    { type: 'text', oid: 25, values: ['', '@', 'a@b.c', 'é'.repeat(300), '\\', "'"] },
    { type: 'uuid', oid: 2950, values: ['7d444840-9dc0-11d1-b245-5ffdce74fad2'] },
    { type: 'jsonb', oid: 3802, values: ['{"ssn":1,"a":{"ssn":[2]}}', 'null', '"x"', '[[[]]]'] },
    {
      type: 'json',
      oid: 114,
      values: ['{"\\u0073sn":1,"ssn":2,"SSN":3}', ' [ ] ', '{"ssn":"\\ud83d\\ude00"}', '"\\u0000"'],
    },
    { type: 'xml', oid: 142, values: ['<a/>', 'x'] },
    { type: 'inet', oid: 869, values: ['::1/128', '192.0.2.1/24'] },
    { type: 'text[]', oid: 1009, values: ['{}', '{NULL,"NULL",""}', '[0:1]={a@b.co,b}', '{{a},{b}}'] },
    { type: 'date[]', oid: 1182, values: ['{infinity,2024-02-29}'] },
  ]
  for (const [index, { type, values }] of columns.entries()) {
    await client.query(`create table hard_${index} (v ${type})`)
    await client.query(`insert into hard_${index} select unnest($1::text[])::${type}`, [values])
  }
  const all = async (): Promise<string[]> => {
    const queries = columns.flatMap(({ oid, type }, index) =>
      MASK_CASES.map(mask => {
        const sql = maskSql(hashKey)(mask, { ...TEXT, typeOid: oid, type }, 'p.v')
        return `select ${sql} as v from public.hard_${index} p`
      }),
    )
    // As the server sends it in binary: no setting has a say in that.
    const found: string[] = []
    for (const text of queries) {
      const query = { text, binary: true, queryMode: 'extended', rowMode: 'array', types: rawText } as const
      const { rows } = await client.query(query)
      found.push(JSON.stringify(rows))
    }
    return found
  }
  const before = await all()
  await client.query(HOSTILE_SETTINGS)
  const after = await all()
  await client.query('reset all')
  expect(new Set(before).size).toBeGreaterThan(50)
  expect(after).toEqual(before)
})
