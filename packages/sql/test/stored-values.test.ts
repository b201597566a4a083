import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog, MaskSql } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusalOfWrite } from '../src/postgres/index.ts'
import { catalogOf } from './adversarial-database.ts'
import { classifierAndRewriter, type Pair, rewriteText } from './rewriting.ts'

const SCHEMA = `
create table papers (id int primary key, tag varchar(8), pad char(6), price numeric(6, 2), doc json, note text);
insert into papers values
  (1, 'abcdefgh', 'abcdef', 12.75, '{"open": "a\\u0000b", "secret": 1}', 'one'),
  (2, 'ijklmnop', 'ghijkl', 99.5, '{"open": "plain", "secret": 2}', 'two');
`

/** What of a value is shown: its first two characters, its whole number, its member that is no secret. */
const partly: MaskSql = (_, { name, type }, reference) => {
  const like = (sql: string): string => `CASE WHEN false THEN ${reference} ELSE CAST(${sql} AS ${type}) END`
  if (name === 'price') return like(`pg_catalog.trunc(${reference})`)
  if (name !== 'doc') return like(`pg_catalog.concat(pg_catalog.left(${reference}, 2), '~')`)
  return like(`pg_catalog.regexp_replace(CAST(${reference} AS pg_catalog.text), ', "secret.*', '}')`)
}

const MASKED: ReadonlySet<string> = new Set(['tag', 'pad', 'price', 'doc'])

describe.each([15, 18] as const)('what is written over masked values on PostgreSQL %i', major => {
  let server: PostgresServer
  let client: Client
  let catalog: Catalog
  let pair: Pair
  beforeAll(async () => {
    server = await startPostgres({ major, database: 'papers' })
    await server.exec(SCHEMA)
    client = new Client({ connectionString: server.url })
    await client.connect()
    catalog = await catalogOf(server)
    pair = await classifierAndRewriter()
  }, 120_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  const rewritten = (text: string) => rewriteText(pair, text, catalog, (_, { name }) => MASKED.has(name), partly)

  async function outcomeOf(text: string, values: readonly unknown[] = []): Promise<string> {
    const rewriting = rewritten(text)
    if (rewriting.kind === 'impossible') return rewriting.code ?? 'CANNOT_MASK'
    await client.query('begin')
    try {
      await client.query(rewriting.text, [...values])
      return 'written'
    } catch (error) {
      const { code, message } = error as { code: string; message: string }
      return refusalOfWrite({ code, message })?.code ?? code
    } finally {
      await client.query('rollback')
    }
  }

  test.each([
    ["update papers set tag = 'ab~'", []],
    ["update papers set tag = 'ab~' where id = 1", []],
    ['update papers set pad = $1 where id = 1', ['ab~']],
    ["update papers set pad = 'ab~     ' where id = 1", []],
    ['update papers set price = 12.001 where id = 1', []],
    ['update papers set price = $1 where id = 1', ['12.0049']],
    ['update papers set doc = \'{"open": "a\\u0000b"}\' where id = 1', []],
    ['update papers set doc = $1 where id = 2', ['{ "open": "plain" }']],
  ] as const)('a value that is stored as the mask is the mask (WRITES_MASK): %s', async (text, values) => {
    expect(await outcomeOf(text, values)).toBe('WRITES_MASK')
  })

  test.each([
    ["update papers set tag = 'fresh   ' where id = 1", [], 'written'],
    ['update papers set tag = $1 where id = 1', ['longer than it can be'], '22001'],
    ['update papers set price = 12.01 where id = 1', [], 'written'],
    ['update papers set price = 123456.7 where id = 1', [], '22003'],
    ['update papers set doc = \'{"open": "c\\u0000d"}\'', [], 'written'],
    ['update papers set doc = $1', ['{"open": 1e999999}'], 'written'],
    ['update papers set doc = \'{"open": "plain"}\' where id = 1', [], 'written'],
  ] as const)('any other is written, or fails as it would (6.2): %s', async (text, values, outcome) => {
    expect(await outcomeOf(text, values)).toBe(outcome)
  })

  test.each([
    ['insert into papers (id, tag) select 3 - id, tag from papers on conflict (id) do update set tag = excluded.tag'],
    ['insert into papers select 3 - id, tag from papers on conflict (id) do update set tag = excluded.tag'],
    [
      "with m as (select id, tag from papers) insert into papers (tag, id) select tag || '', 1 from m on conflict (id) do update set tag = (select excluded.tag)",
    ],
  ])('a mask is not written over another row by way of excluded (WRITES_MASK): %s', text => {
    expect(rewritten(text)).toMatchObject({ kind: 'impossible', code: 'WRITES_MASK' })
  })

  test.each([
    "insert into papers (id, tag) values (1, 'new') on conflict (id) do update set tag = excluded.tag",
    "insert into papers (id, tag, note) select id, 'n' || id, tag from papers on conflict (id) do update set tag = excluded.tag, note = excluded.note",
  ])('what the statement itself gives is written by way of excluded: %s', async text => {
    expect(await outcomeOf(text)).toBe('written')
  })
})
