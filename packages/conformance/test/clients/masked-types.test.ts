import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig, type FieldDef } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { environmentOf, programPath, run } from './programs.ts'
import { VALUES_OF_TYPES } from './values-of-types.ts'

/** Types that the other tests can't send as parameters, and what stands for a person's data in those that masks show more of. */
const MORE_VALUES: readonly (readonly [type: string, value: string])[] = [
  ['text', 'quentin@example.com'],
  ['varchar(6)', 'secret'],
  ['citext', 'Quentin@example.com'],
  ['date', 'infinity'],
  ['jsonb', '{"ssn": "123-45-6789", "contact": {"email": "q@example.com"}, "cards": [{"pan": 4111111111111111}]}'],
  ['int2vector', '1 2'],
  ['oidvector', '1 2'],
  ['refcursor', 'c'],
  ['pg_snapshot', '1:2:'],
  ['txid_snapshot', '1:2:'],
  ['shop.pair', '(1,b)'],
  ['shop.code', 'abc'],
  ['shop.always', 'x'],
]
const SAMPLES = [...VALUES_OF_TYPES, ...MORE_VALUES]

const SCHEMA = `create schema shop;
create extension citext;
create type shop.mood as enum ('low', 'fine', 'high');
create type shop.pair as (a int, b text);
create domain shop.code as varchar(9) check (value <> '[redacted]');
create domain shop.always as text not null;
`

/** A table for each mask, `t_` and its place here, of a column for every type. */
const MASKS = [
  'redact',
  'null',
  'email',
  '{ partial: { first: 1, last: 2 } }',
  '{ hash: { key: { env: TOKEN } } }',
  '{ date-trunc: year }',
  '{ constant: "7" }',
  '{ constant: "2024-02-29" }',
  `{ json: { $.ssn: redact, $.contact.email: email, '$.cards[*].pan': partial } }`,
]
const POLICY = `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read, session, transaction] } }
masks:
${MASKS.map((mask, index) => `  - { columns: [public.t_${index}.*], with: ${mask} }`).join('\n')}
`

/** Every type of the server's own that a column can have and COPY can carry, arrays among them. aclitem has no binary form. */
const ALL_TYPES = `select format_type(oid, null) as type from pg_type
  where typtype in ('b', 'r', 'm') and typnamespace = 'pg_catalog'::regnamespace
  and typname not in ('gtsvector', 'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'aclitem', '_aclitem')
  and not exists (select from pg_type e where e.oid = pg_type.typelem and e.typtype in ('c', 'p')) order by oid`

/** postgres.js can't read NULL in an array of these. */
const JSON_TYPES = ['json', 'jsonb']

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

describe.each([15, 18] as const)('every type under every mask, on PostgreSQL %i (design 6.5)', major => {
  let world: GovernedServer
  let columns: number
  beforeAll(async () => {
    world = await startGovernedServer({ major, schema: SCHEMA, policy: POLICY })
    await connected(world.direct, async client => {
      const types: string[] = (await client.query(ALL_TYPES)).rows.map(row => row.type)
      expect(types).toEqual(expect.arrayContaining(['boolean', 'json[]', 'int4multirange', 'int4range[]', 'pg_lsn']))
      const cells = [
        ...SAMPLES.map(([type, value]) => [type, quoted(value)] as const),
        ...SAMPLES.filter(([type]) => type !== 'shop.always').map(
          ([type, value]) =>
            [`${type}[]`, `array[${quoted(value)}${JSON_TYPES.includes(type) ? '' : ', null'}]::${type}[]`] as const,
        ),
        ...types.map(type => [type, 'null'] as const),
      ]
      columns = cells.length
      const definition = cells.map(([type], index) => `c${index} ${type}`).join(', ')
      const values = cells.map(([, value]) => value).join(', ')
      for (const table of ['plain', 'back', ...MASKS.map((_, index) => `t_${index}`)]) {
        await client.query(`create table public.${table} (${definition})`)
      }
      for (const table of ['plain', ...MASKS.map((_, index) => `t_${index}`)]) {
        await client.query(`insert into public.${table} values (${values})`)
      }
    })
    await world.gateway.refreshSchemas()
  })
  afterAll(() => world.stop())

  test.each(MASKS.map((mask, index) => [mask, `public.t_${index}`] as const))(
    '%s: pg and postgres.js decode it, libpq and the server read it',
    async (_, table) => {
      const plain = await connected(world.direct, client => decoded(client, 'public.plain', false))
      const governed = (work: (client: Client) => Promise<void>) => onceFree(() => connected(world.governed, work))
      await governed(async client => {
        for (const binary of [false, true]) {
          const shown = await decoded(client, table, binary)
          const raw = binary ? await connected(world.direct, direct => decoded(direct, 'public.plain', true)) : plain
          expect(shown.fields.map(typeOf)).toEqual(raw.fields.map(typeOf))
          expectSameKinds(shown, raw)
        }
      })
      await onceFree(() => throughPostgresJs(world.governed, table, columns))
      await onceFree(() => throughPsql(world, table, columns))
      for (const format of ['binary', 'text']) await onceFree(() => copiedBack(world, table, format))
    },
  )
})

const BUSY = /overloaded|can't be recorded now/

/** A table of every type is a lot of masks to rewrite at once, and a gateway that is busy refuses for a moment. */
async function onceFree(work: () => Promise<void>): Promise<void> {
  for (let left = 20; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !BUSY.test(String(error))) throw error
      await sleep(500)
    }
  }
}

interface Decoded {
  readonly fields: readonly FieldDef[]
  readonly row: readonly unknown[]
}

async function decoded(client: Client, table: string, binary: boolean): Promise<Decoded> {
  const asked = { text: `select * from ${table}`, rowMode: 'array' as const, binary }
  const { fields, rows } = await client.query<unknown[]>(asked)
  expect(rows).toHaveLength(1)
  return { fields, row: rows[0] ?? [] }
}

const typeOf = ({ dataTypeID, dataTypeModifier, format }: FieldDef): unknown => [dataTypeID, dataTypeModifier, format]

const JSON_OIDS = [114, 3802]

/** What the driver makes of a masked cell is null, or what it makes of any cell of the type. */
function expectSameKinds(shown: Decoded, raw: Decoded): void {
  shown.row.forEach((value, index) => {
    const oid = raw.fields[index]?.dataTypeID ?? 0
    const was = raw.row[index]
    // pg makes the number of what is infinite, also of dates.
    const isBeyond = was === null || (typeof was === 'number' && !Number.isFinite(was))
    if (value === null || isBeyond || JSON_OIDS.includes(oid)) return
    expect([index, kindOf(value)]).toEqual([index, kindOf(was)])
    if (value instanceof Date) expect(value.getTime()).not.toBeNaN()
  })
}

const kindOf = (value: unknown): string =>
  typeof value === 'object' ? Object.prototype.toString.call(value) : typeof value

async function throughPostgresJs(route: Route, table: string, columns: number): Promise<void> {
  const { host, port, user, password, database } = route
  const sql = postgres({ host, port, user, password, database, max: 1, onnotice: () => {} })
  try {
    const [row = {}] = await sql.unsafe(`select * from ${table}`, [], { prepare: true })
    expect(Object.keys(row)).toHaveLength(columns)
  } finally {
    await sql.end()
  }
}

async function throughPsql({ governed }: GovernedServer, table: string, columns: number): Promise<void> {
  const psql = ['-X', '-A', '-t', '-P', 'null=', '-P', 'recordsep_zero', '-F', '\u0001', '-c', `select * from ${table}`]
  const { code, stdout, stderr } = await run(programPath('psql'), psql, environmentOf(governed, {}))
  if (BUSY.test(stderr)) throw new Error(stderr)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout.split('\u0001')).toHaveLength(columns)
}

/** The server itself takes what it gave: each value is one of its type. Domains alone may have lost a value that they must have. */
async function copiedBack({ direct, governed }: GovernedServer, table: string, format: string): Promise<void> {
  const copied = await connected(governed, client =>
    collected(client.query(copyTo(`copy (select * from ${table}) to stdout (format ${format})`))),
  )
  await connected(direct, async to => {
    await to.query('begin; alter domain shop.always drop not null')
    await pipeline(Readable.from(copied), to.query(copyFrom(`copy public.back from stdin (format ${format})`)))
    expect((await to.query('select from public.back')).rowCount).toBe(1)
    await to.query('rollback')
  })
}

async function collected(stream: Readable): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

async function connected<Outcome>(route: Route, work: (client: Client) => Promise<Outcome>): Promise<Outcome> {
  const { host, port, user, password, database } = route
  const config: ClientConfig = { host, port, user, password, database }
  const client = new Client(config)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
