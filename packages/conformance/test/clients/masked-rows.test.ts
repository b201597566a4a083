import { once } from 'node:events'
import { createServer } from 'node:net'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { fieldsOfMysql2, fieldsOfPg, maskPlan, maskRows, type OriginMask, resultPlan } from '@querywarden/masking'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import { createConnection, type RowDataPacket } from 'mysql2'
import { Pool } from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const redact = { kind: 'redact' } as const
const month = { kind: 'date-trunc', unit: 'month' } as const

const plan = maskPlan({
  columns: {
    ssn: { mask: redact, type: 'string' },
    born: { mask: month, type: 'date' },
    'contact.email': { mask: { kind: 'email' }, type: 'string' },
  },
  safe: ['id', 'who'],
  others: 'null',
  detect: [],
  hashKey,
})
const SHOWN = {
  id: 1,
  ssn: '[redacted]',
  born: new Date('2000-02-01T00:00:00Z'),
  contact: { email: 'a***@example.com', phone: null },
}

interface Person {
  readonly id: number
  readonly ssn: string
  readonly born: Date
  readonly contact: { readonly email: string; readonly phone: string }
}

describe('rows of drivers for PostgreSQL', () => {
  let server: PostgresServer
  let pool: Pool
  beforeAll(async () => {
    server = await startPostgres({ major: 18 })
    pool = new Pool({ connectionString: server.url })
    await pool.query(`create table person (id int, ssn text, born timestamptz, contact jsonb);
      insert into person values (1, '123-45-6789', '2000-02-29 12:00:00+00', '{"email": "ada@example.com", "phone": "5"}')`)
  })
  afterAll(async () => {
    await pool?.end()
    await server?.stop()
  })

  const masks = async (): Promise<readonly OriginMask[]> => {
    const { rows } = await pool.query(
      `select attrelid::int as "tableOid", attnum, attname as column from pg_attribute where attrelid = 'person'::regclass and attname = 'ssn'`,
    )
    return rows.map(row => ({ ...row, schema: 'public', table: 'person', mask: redact }))
  }

  test('pg, by names and by origins, in objects, in lists and as a stream', async () => {
    const sql = 'select id, ssn, born, contact from person'
    expect(maskRows((await pool.query<Person>(sql)).rows, plan)).toEqual([SHOWN])

    const options = { masks: await masks(), detect: [], unknownOrigin: 'null', safe: [], hashKey } as const
    const text = 'select id, ssn as nick, upper(ssn) as loud, ssn from person'
    const objects = await pool.query(text)
    expect(maskRows(objects.rows, resultPlan(fieldsOfPg(objects.fields), options))).toEqual([
      { id: 1, nick: '[redacted]', loud: null, ssn: '[redacted]' },
    ])
    const lists = await pool.query({ text, rowMode: 'array' })
    expect(maskRows(lists.rows, resultPlan(fieldsOfPg(lists.fields), options))).toEqual([
      [1, '[redacted]', null, '[redacted]'],
    ])
    const twice = await pool.query('select id as v, ssn as v from person')
    expect(maskRows(twice.rows, resultPlan(fieldsOfPg(twice.fields), options))).toEqual([{ v: null }])

    const client = await pool.connect()
    const streamed: unknown[] = []
    for await (const row of maskRows<Person>(client.query(new QueryStream(sql)), plan)) streamed.push(row)
    client.release()
    expect(streamed).toEqual([SHOWN])
  })

  test('kysely', async () => {
    const db = new Kysely<{ person: Person }>({ dialect: new PostgresDialect({ pool }) })
    expect(maskRows(await db.selectFrom('person').selectAll().execute(), plan)).toEqual([SHOWN])
    const aliased = await db.selectFrom('person').select(['id', 'ssn as nick']).execute()
    expect(maskRows(aliased, plan)).toEqual([{ id: 1, nick: null }])
  })

  test('drizzle, whose names are those of the code', async () => {
    const people = pgTable('person', {
      id: integer('id'),
      ssn: text('ssn'),
      born: timestamp('born', { withTimezone: true }),
      contact: jsonb('contact'),
    })
    const db = drizzle(pool)
    expect(maskRows(await db.select().from(people), plan)).toEqual([SHOWN])
    const nested = maskPlan({
      columns: { 'who.number': { mask: redact, type: 'string' } },
      safe: ['id', 'who.id'],
      others: 'null',
      detect: [],
      hashKey,
    })
    const rows = await db
      .select({ id: people.id, who: { id: people.id, number: people.ssn, at: people.born } })
      .from(people)
    expect(maskRows(rows, nested)).toEqual([{ id: 1, who: { id: 1, number: '[redacted]', at: null } }])
  })
})

describe('rows of mysql2, over its own protocol', () => {
  const VARCHAR = 253
  const LONG = 3
  const definition = (name: string, columnType: number, orgTable = 'person') => ({
    catalog: 'def',
    schema: orgTable === '' ? '' : 'app',
    table: 'p',
    orgTable,
    name,
    orgName: orgTable === '' ? '' : name === 'nick' ? 'ssn' : name,
    characterSet: 224,
    columnLength: 100,
    columnType,
    type: columnType,
    flags: 0,
    decimals: 0,
  })

  test('by the tables and columns that the server says, whatever the alias', async () => {
    const columns = [definition('id', LONG), definition('nick', VARCHAR), definition('loud', VARCHAR, '')]
    const server = createServer(socket => {
      const connection = createConnection({ stream: socket, isServer: true })
      connection.on('error', () => {})
      connection.serverHandshake({
        protocolVersion: 10,
        serverVersion: '8.0.0',
        connectionId: 1,
        statusFlags: 2,
        characterSet: 224,
        // Without TLS and compression.
        capabilityFlags: 0xff_ff_ff & ~0x8_00 & ~0x20,
        // A command begins to count packets anew, which this side of mysql2 leaves to whoever answers.
        authCallback: (_: unknown, done: (error: null) => void) => {
          done(null)
          setImmediate(() => Object.assign(connection, { sequenceId: 0 }))
        },
      })
      connection.on('query', () => {
        Object.assign(connection, { sequenceId: 1 })
        connection.writeTextResult([{ id: 1, nick: '123-45-6789', loud: 'X' }], columns)
        Object.assign(connection, { sequenceId: 0 })
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const client = createConnection({ host: '127.0.0.1', port, user: 'u' }).promise()
    try {
      const [rows, fields] = await client.query<RowDataPacket[]>(
        'select id, ssn as nick, upper(ssn) as loud from person p',
      )
      const mask = { tableOid: 0, attnum: 0, schema: 'app', table: 'person', column: 'ssn', mask: redact }
      const shown = resultPlan(fieldsOfMysql2(fields), {
        masks: [mask],
        detect: [],
        unknownOrigin: 'null',
        safe: [],
        hashKey,
      })
      expect(maskRows(rows, shown)).toEqual([{ id: 1, nick: '[redacted]', loud: null }])
    } finally {
      await client.end()
      await new Promise(resolve => server.close(resolve))
    }
  })
})
