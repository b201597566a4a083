import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { count, eq, gt, relations, sql } from 'drizzle-orm'
import { type NodePgDatabase, drizzle as onPg } from 'drizzle-orm/node-postgres'
import { migrate as migratePg } from 'drizzle-orm/node-postgres/migrator'
import { integer, jsonb, numeric, pgSchema, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { drizzle as onPostgres, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { openPool } from './open-pool.ts'
import { RICH_SCHEMA } from './rich-schema.ts'
import { sameBothWays, sameFromScratch } from './same-both-ways.ts'

const mood = pgSchema('shop').enum('mood', ['low', 'fine', 'high'])
const customers = pgTable('customers', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull(),
  email: text().unique(),
  mood: mood().default('fine'),
  age: integer(),
  tags: text().array(),
  info: jsonb(),
  made: timestamp({ withTimezone: true }).defaultNow(),
})
const orders = pgTable('orders', {
  id: serial().primaryKey(),
  customer: integer('customer_id').notNull(),
  total: numeric({ precision: 10, scale: 2 }).notNull(),
  placed: text(),
})
const ofCustomers = relations(customers, ({ many }) => ({ orders: many(orders) }))
const ofOrders = relations(orders, ({ one }) => ({
  customer: one(customers, { fields: [orders.customer], references: [customers.id] }),
}))
const schema = { customers, orders, ofCustomers, ofOrders }
type Database = NodePgDatabase<typeof schema> | PostgresJsDatabase<typeof schema>

let world: GovernedServer
let migrations: string
beforeAll(async () => {
  world = await startGovernedServer({ major: 18, schema: RICH_SCHEMA })
  migrations = join(world.dir, 'migrations')
  await mkdir(join(migrations, 'meta'), { recursive: true })
  const entries = [{ idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_made', breakpoints: true }]
  await writeFile(
    join(migrations, 'meta/_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
  )
  await writeFile(
    join(migrations, '0000_made.sql'),
    'CREATE TABLE "made" ("id" serial PRIMARY KEY, "t" text);\n--> statement-breakpoint\nCREATE INDEX "made_t" ON "made" ("t");',
  )
})
afterAll(() => world.stop())

type Work<Outcome> = (db: Database, migrate: () => Promise<void>) => Promise<Outcome>

async function byPg<Outcome>(route: Route, work: Work<Outcome>): Promise<Outcome> {
  const { pool, closed } = openPool(route, { max: 2 })
  const db = onPg(pool, { schema })
  try {
    return await work(db, () => migratePg(db, { migrationsFolder: migrations }))
  } finally {
    await pool.end()
    await closed()
  }
}

async function byPostgres<Outcome>(
  { host, port, user: username, password, database }: Route,
  work: Work<Outcome>,
): Promise<Outcome> {
  const client = postgres({ host, port, username, password, database, max: 1, onnotice: () => undefined })
  const db = onPostgres(client, { schema })
  try {
    return await work(db, () => migratePostgres(db, { migrationsFolder: migrations }))
  } finally {
    await client.end({ timeout: 5 })
  }
}

describe.each([
  ['pg', byPg],
  ['postgres', byPostgres],
] as const)('drizzle on %s', (_, connected) => {
  test('reads: joins, relations, aggregates, prepared with placeholders', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async db => {
        const joined = await db
          .select({ name: customers.name, total: orders.total })
          .from(orders)
          .innerJoin(customers, eq(customers.id, orders.customer))
          .where(gt(orders.total, '300'))
          .orderBy(orders.id)
          .limit(5)
        const nested = await db.query.customers.findMany({
          with: { orders: { columns: { id: true, total: true }, orderBy: orders.id } },
          where: eq(customers.mood, 'fine'),
          orderBy: customers.id,
          limit: 3,
        })
        const single = await db.query.orders.findFirst({ with: { customer: true }, orderBy: orders.id })
        const counted = await db.select({ n: count(), t: sql<string>`sum(${orders.total})` }).from(orders)
        const prepared = db
          .select()
          .from(customers)
          .where(eq(customers.id, sql.placeholder('id')))
          .prepare('one_customer')
        const each = [await prepared.execute({ id: 1 }), await prepared.execute({ id: 2 })]
        return { joined, nested, single, counted, each }
      }),
    )
    expect(outcome.joined).toHaveLength(5)
    expect(outcome.nested[0]?.orders.length).toBeGreaterThan(0)
    expect(outcome.counted).toEqual([{ n: 60, t: '13267.50' }])
  })

  test('writes, upserts, transactions within transactions', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async db => {
        const made = new Date('2030-01-02T03:04:05Z')
        const put = await db
          .insert(customers)
          .values({ name: 'put in', email: 'u1@example.com', tags: ['a', 'b,c'], info: { deep: [1, null] }, made })
          .onConflictDoUpdate({ target: customers.email, set: { name: 'upserted', info: { deep: [2] }, tags: ['z'] } })
          .returning()
        const changed = await db.update(orders).set({ total: '1.5' }).where(eq(orders.id, 1)).returning()
        await db.delete(orders).where(eq(orders.id, 2))
        const failed = await db
          .transaction(async tx => {
            await tx.delete(orders).where(gt(orders.id, 10))
            await tx.transaction(async inner => {
              await inner.delete(orders).where(eq(orders.id, 3))
            })
            await tx
              .transaction(async inner => {
                await inner.insert(orders).values({ customer: 9999, total: '1' })
              })
              .catch(() => undefined)
            tx.rollback()
          })
          .catch((error: Error) => error.message)
        return { put, changed, failed, left: await db.$count(orders) }
      }),
    )
    expect(outcome).toMatchObject({ put: [{ name: 'upserted' }], failed: 'Rollback', left: 59 })
  })

  test('migrations, once and again', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async (db, migrate) => {
        await migrate()
        await migrate()
        await db.execute(sql`insert into made (t) values ('x')`)
        return [await db.$count(sql`made`), await db.$count(sql`drizzle.__drizzle_migrations`)]
      }),
    )
    expect(outcome).toEqual([1, 1])
  })
})
