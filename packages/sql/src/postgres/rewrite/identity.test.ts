import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog, RelationName, UsedColumn } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHANGES, SHAPES, SHAPES_SCHEMA } from '../../../test/identity-shapes.ts'
import { classifierAndRewriter, type Pair, rewriteText } from '../../../test/rewriting.ts'
import { loadCatalog } from '../catalog/load-catalog.ts'

interface Result {
  readonly columns: readonly unknown[]
  readonly rows: readonly unknown[]
  readonly tag: string
}

/** A row of a table has the table's row type; a row of a query that stands in for it is a record. Both look the same. */
const RECORD = 2249
const USER_TYPES_FROM = 16384
const typeOf = (oid: number): number => (oid >= USER_TYPES_FROM ? RECORD : oid)

/** Everything of a result but where its columns come from, with all values as text. No other user types are about. */
async function run(client: Client, text: string): Promise<Result> {
  const result = await client.query({ text, rowMode: 'array', types: { getTypeParser: () => String } })
  return {
    columns: result.fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
      name,
      type: typeOf(dataTypeID),
      dataTypeModifier,
    })),
    rows: result.rows,
    tag: `${result.command} ${result.rowCount}`,
  }
}

describe.each(POSTGRES_MAJORS)('masks that change nothing, on PostgreSQL %i', major => {
  let server: PostgresServer
  let client: Client
  let catalog: Catalog
  let pair: Pair

  beforeAll(async () => {
    server = await startPostgres({ major, database: 'shapes' })
    await server.exec(SHAPES_SCHEMA)
    client = new Client({ connectionString: server.url })
    await client.connect()
    const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
    catalog = await loadCatalog(query, { searchPath: ['public'] })
    pair = await classifierAndRewriter()
  }, 120_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  const everything = (_: RelationName, __: Pick<UsedColumn, 'name'>): boolean => true
  const rewritten = (text: string, isMasked = everything): string => {
    const rewriting = rewriteText(pair, text, catalog, isMasked, (_, __, reference) => reference)
    if (rewriting.kind === 'impossible') throw new Error(`impossible: ${rewriting.why}`)
    expect(rewriting.text).not.toBe(text)
    return rewriting.text
  }

  const inRolledBack = async <T>(run: () => Promise<T>): Promise<T> => {
    await client.query('begin')
    try {
      return await run()
    } finally {
      await client.query('rollback')
    }
  }

  test.each(SHAPES)('%s', async text => {
    const before = await run(client, text)
    expect(before.rows.length).toBeGreaterThan(0)
    expect(await run(client, rewritten(text))).toEqual(before)
  })

  test.each(CHANGES)('%s', async (text, look) => {
    const doing = (what: string) => inRolledBack(async () => [await run(client, what), await run(client, look)])
    // What is made of masks is written to no masked column.
    const isRead: typeof everything = ({ name }, column) =>
      name !== 'orders' || !['note', 'total'].includes(column.name)
    expect(await doing(rewritten(text, isRead))).toEqual(await doing(text))
  })

  test.each([
    "copy people to '%' (format csv, header)",
    "copy public.people (ssn, id) to '%' csv force quote ssn",
    "copy computed to '%' (header, format csv)",
    'copy "Odd ""schema"""."Tëst ""quoted""" to \'%\' csv header',
    "copy (table people) to '%' (format binary)",
    "copy (select p.* from people p order by ssn desc) to '%'",
  ])('%s', async template => {
    const text = template.replace('%', `${server.dataDir}/copied`)
    const copied = async (what: string) => {
      await client.query(what)
      return (await client.query("select encode(pg_read_binary_file('copied'), 'hex') as bytes")).rows
    }
    const before = await copied(text)
    expect(before[0]?.bytes).not.toBe('')
    expect(await copied(rewritten(text))).toEqual(before)
  })

  test('COPY shows a table alone, without its children, and none that has only partitions', async () => {
    const copy = (table: string) =>
      rewriteText(
        pair,
        `copy ${table} to stdout`,
        catalog,
        () => true,
        (_, __, reference) => reference,
      )
    for (const table of ['parent', 'child'])
      expect(copy(table)).toMatchObject({ text: expect.stringContaining(`FROM ONLY "public"."${table}" AS "qw"`) })
    expect(copy('parts')).toMatchObject({ kind: 'impossible', why: expect.stringMatching(/COPY does not show/) })
  })

  test('parameters keep their numbers and types', async () => {
    const text = 'select $2::int, id from people where ssn = $1 or name = $3 order by id'
    const values = ['111-11-1111', 5, 'Bob']
    const before = await client.query({ text, values, rowMode: 'array' })
    expect(before.rows).toHaveLength(2)
    expect((await client.query({ text: rewritten(text), values, rowMode: 'array' })).rows).toEqual(before.rows)
  })

  test('a prepared statement and a cursor give the same rows', async () => {
    const runs = (prepare: string, declare: string) =>
      inRolledBack(async () => {
        await client.query(prepare)
        await client.query(declare)
        const rows = [await run(client, 'execute one(2)'), await run(client, 'fetch all from two')]
        await client.query('deallocate one')
        return rows
      })
    const [prepare, declare] = [
      'prepare one(int) as select * from people where id < $1',
      'declare two cursor for table people',
    ]
    expect(await runs(rewritten(prepare), rewritten(declare))).toEqual(await runs(prepare, declare))
  })
})
