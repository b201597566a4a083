import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GovernedServer, startGovernedServer } from './governed-server.ts'
import { openPool } from './open-pool.ts'

const SCHEMA = `
create table people (id int primary key, name text not null, ssn text not null, email text);
insert into people values (1, 'Ada', '512-84-7731', 'ada@example.com');
`
const POLICY = `version: 1
rules: [{ id: all, decision: allow, what: { effects: [read, write, transaction, session] } }]
masks:
  - { columns: ["public.people.ssn"], with: redact }
  - { columns: ["public.people.email"], with: email }
`

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 18, schema: SCHEMA, policy: POLICY })
}, 120_000)
afterAll(() => world?.stop())

async function stored(): Promise<unknown> {
  const { host, port, user, password, database, ca } = world.direct
  const client = new Client({ host, port, user, password, database, ssl: { ca } })
  await client.connect()
  const { rows } = await client.query('select name, ssn, email from people where id = 1')
  await client.end()
  return rows[0]
}

/** The text of an error and of all that it was caused by. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const own = 'detail' in error ? String(error.detail) : ''
  return 'cause' in error ? own + reasonOf(error.cause) : own
}

const failing = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'it was saved',
    error => reasonOf(error),
  )

test('WRITES_MASK: kysely saves a row that it has read by what changed of it, and not whole', async () => {
  const { pool, closed } = openPool(world.governed, { max: 1 })
  const db = new Kysely<{ people: { id: number; name: string; ssn: string; email: string | null } }>({
    dialect: new PostgresDialect({ pool }),
  })
  const { id, ...row } = await db.selectFrom('people').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()
  const whole = { ...row, name: 'Kay' }
  expect(await failing(db.updateTable('people').set(whole).where('id', '=', id).execute())).toContain('WRITES_MASK')
  const saved = await db.updateTable('people').set({ name: 'Kay' }).where('id', '=', id).returningAll().execute()
  expect(saved).toEqual([{ id, ...whole }])
  expect(await stored()).toEqual({ name: 'Kay', ssn: '512-84-7731', email: 'ada@example.com' })
  await db.destroy()
  await closed()
})

test('WRITES_MASK: drizzle saves a row that it has read by what changed of it, and not whole', async () => {
  const people = pgTable('people', {
    id: integer('id').primaryKey(),
    name: text('name').notNull(),
    ssn: text('ssn').notNull(),
    email: text('email'),
  })
  const { pool, closed } = openPool(world.governed, { max: 1 })
  const db = drizzle(pool)
  const [row] = await db.select().from(people).where(eq(people.id, 1))
  if (row === undefined) throw new Error('there is no such row')
  const whole = { ...row, name: 'Dee' }
  expect(await failing(db.update(people).set(whole).where(eq(people.id, 1)))).toContain('WRITES_MASK')
  const upsert = db.insert(people).values(whole).onConflictDoUpdate({ target: people.id, set: whole })
  expect(await failing(upsert)).toContain('WRITES_MASK')
  const saved = await db.update(people).set({ name: 'Dee' }).where(eq(people.id, 1)).returning()
  expect(saved).toEqual([whole])
  expect(await stored()).toEqual({ name: 'Dee', ssn: '512-84-7731', email: 'ada@example.com' })
  await pool.end()
  await closed()
})
