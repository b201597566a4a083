import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Cell, UsedColumn } from '@querywarden/policy-core'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { maskSql } from '../src/mask-sql.ts'
import { maskValue } from '../src/mask-value.ts'
import { CASE_SETUP, COLUMN_CASES } from './column-cases.ts'
import { MASK_CASES } from './mask-cases.ts'

const KEY = Buffer.from('0123456789abcdef0123456789abcdef')
const hashKey = (): Uint8Array => KEY
const VALUES_PER_RUN = 60
const RUNS = 5

/** Every value as the wire carries it. */
const rawText = { getTypeParser: () => (value: string | Buffer) => value }

describe.each([15, 18] as const)('both forms of every mask on PostgreSQL %i', major => {
  let server: PostgresServer
  let client: Client
  beforeAll(async () => {
    server = await startPostgres({ major })
    client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query(CASE_SETUP)
  })
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  test.each(COLUMN_CASES)('agree on $type, in text and in binary (P6)', async ({ type, values, send }) => {
    await client.query(`drop table if exists held; create table held (id serial, v ${type})`)
    const column = await describeColumn(client)
    const takesNull = type !== 'always'

    const property = async (texts: readonly string[]): Promise<void> => {
      await client.query('truncate held')
      await client.query(`insert into held (v) select x::${type.replace(/ collate.*/, '')} from unnest($1::text[]) x`, [
        texts,
      ])
      if (takesNull) await client.query('insert into held (v) values (null)')
      const masked = MASK_CASES.map(mask => maskSql(hashKey)(mask, column, 'h."v"'))
      const select = [
        `encode(${send}(v), 'hex') as r`,
        'v',
        ...masked.flatMap((_, i) => [`m${i}`, `encode(${send}(m${i}), 'hex') as b${i}`]),
      ]
      const inner = masked.map((sql, i) => `${sql} as m${i}`).join(', ')
      const { rows } = await client.query<Cell[]>({
        text: `select ${select.join(', ')} from (select h.v, ${inner} from held h offset 0) s`,
        rowMode: 'array',
        types: rawText,
      })
      expect(rows).toHaveLength(texts.length + (takesNull ? 1 : 0))
      MASK_CASES.forEach((mask, i) => {
        const textForm = maskValue(mask, { ...column, format: 'text' }, hashKey)
        const binaryForm = maskValue(mask, { ...column, format: 'binary' }, hashKey)
        for (const row of rows) {
          const raw = row[1] ?? null
          const shown = row[2 + 2 * i] ?? null
          const context = `${JSON.stringify(mask)} of ${JSON.stringify(raw)}`
          expect(textForm(raw), context).toBe(shown)
          expect(toText(textForm(raw === null ? null : Buffer.from(String(raw)))), context).toBe(shown)
          expect(
            toHex(binaryForm(row[0] ? Buffer.from(String(row[0]), 'hex') : raw === null ? null : Buffer.alloc(0))),
            context,
          ).toBe(row[3 + 2 * i] ?? null)
        }
      })
    }
    await fc.assert(fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: VALUES_PER_RUN }), property), {
      numRuns: RUNS,
    })
  })

  test.each(COLUMN_CASES)('have the type, modifier and collation of $type', async ({ type }) => {
    await client.query(`drop table if exists held cascade; create table held (id serial, v ${type})`)
    const column = await describeColumn(client)
    const masked = MASK_CASES.map((mask, i) => `${maskSql(hashKey)(mask, column, 'h.v')} as m${i}`)
    await client.query(`create temp view shown as select h.v, ${masked.join(', ')} from held h`)
    const { rows } = await client.query(
      `select attname, atttypid, atttypmod, attcollation from pg_attribute where attrelid = 'shown'::regclass order by attnum`,
    )
    for (const row of rows.slice(1)) {
      expect({ ...row, attname: '' }, `${row.attname}`).toEqual({ ...rows[0], attname: '' })
    }
    await client.query('drop view shown')
  })
})

async function describeColumn(client: Client): Promise<UsedColumn> {
  const { rows } = await client.query(
    `select atttypid::int as oid, atttypmod as typmod, format_type(atttypid, atttypmod) as type, attnum
     from pg_attribute where attrelid = 'held'::regclass and attname = 'v'`,
  )
  const { oid, typmod, type, attnum } = rows[0]
  return { name: 'v', attnum, typeOid: oid, typmod, type, origins: [] }
}

const toText = (cell: Cell): string | null => (cell === null ? null : Buffer.from(cell).toString('utf8'))
const toHex = (cell: Cell): string | null => (cell === null ? null : Buffer.from(cell).toString('hex'))
