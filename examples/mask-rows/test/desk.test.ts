import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Customer, customers, deskPlan, exported } from '../src/desk.ts'

let server: PostgresServer
let pool: Pool
beforeAll(async () => {
  server = await startPostgres()
  pool = new Pool({ connectionString: server.url })
  await pool.query(`create table customer (id int, name text, ssn text, born timestamptz, contact jsonb, note text, salary int);
    insert into customer values
      (1, 'Ada', '512-84-7731', '1985-12-10 00:00:00+00', '{"email": "ada@example.com", "phone": "555"}', 'card 4556737586899855', 1),
      (2, 'Grace', null, '1986-12-09 00:00:00+00', '{"email": "grace@example.com", "phone": "556"}', 'none', 2)`)
})
afterAll(async () => {
  await pool?.end()
  await server?.stop()
})

const SHOWN = [
  {
    id: 1,
    name: 'Ada',
    ssn: '****7731',
    born: new Date('1985-01-01T00:00:00Z'),
    contact: { email: 'a***@example.com', phone: null },
    note: 'card [redacted]',
    salary: null,
  },
  {
    id: 2,
    name: 'Grace',
    ssn: null,
    born: new Date('1986-01-01T00:00:00Z'),
    contact: { email: 'g***@example.com', phone: null },
    note: 'none',
    salary: null,
  },
]

test('the desk sees the list masked', async () => {
  const db = new Kysely<{ customer: Customer }>({ dialect: new PostgresDialect({ pool }) })
  expect(await customers(db, deskPlan(Buffer.alloc(32, 7)))).toEqual(SHOWN)
})

test('and the export, row by row', async () => {
  let lines = ''
  for await (const line of exported(pool, deskPlan(Buffer.alloc(32, 7)))) lines += line
  expect(lines).toBe(SHOWN.map(row => `${JSON.stringify(row)}\n`).join(''))
})
