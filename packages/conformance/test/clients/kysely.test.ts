import { CompiledQuery, type Generated, Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely'
import Cursor from 'pg-cursor'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { openPool } from './open-pool.ts'
import { RICH_SCHEMA } from './rich-schema.ts'
import { errorOf, sameBothWays, sameFromScratch } from './same-both-ways.ts'

interface Tables {
  customers: { id: Generated<number>; name: string; email: string | null; age: number | null; info: unknown }
  orders: { id: Generated<number>; customer_id: number; total: string; placed: string }
}

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 18, schema: RICH_SCHEMA })
})
afterAll(() => world.stop())

async function connected<Outcome>(route: Route, work: (db: Kysely<Tables>) => Promise<Outcome>): Promise<Outcome> {
  const { pool, closed } = openPool(route, { max: 2 })
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
  try {
    return await work(db)
  } finally {
    await db.destroy()
    await closed()
  }
}

test('kysely: reads with joins, aggregates, CTEs, JSON and raw SQL', async () => {
  const outcome = await sameBothWays(world, route =>
    connected(route, async db => [
      await db
        .selectFrom('orders as o')
        .innerJoin('customers as c', 'c.id', 'o.customer_id')
        .select(['c.name', eb => eb.fn.sum('o.total').as('total'), eb => eb.fn.countAll().as('n')])
        .where('o.total', '>', '50')
        .groupBy('c.name')
        .orderBy('c.name')
        .limit(5)
        .execute(),
      await db
        .with('young', q => q.selectFrom('customers').selectAll().where('age', '<', 4))
        .selectFrom('young')
        .selectAll()
        .where(eb => eb.exists(eb.selectFrom('orders').select('id').whereRef('customer_id', '=', 'young.id')))
        .orderBy('id')
        .execute(),
      await sql<{ row: unknown }>`select to_jsonb(c) as row from ${sql.table('customers')} c where id = ${1}`.execute(
        db,
      ),
      await db.executeQuery(CompiledQuery.raw('select $1::int + 1 as n', [41])),
    ]),
  )
  expect(outcome[0]).toHaveLength(5)
  expect(outcome[3]).toMatchObject({ rows: [{ n: 42 }] })
})

test('kysely: writes, upserts and transactions', async () => {
  const outcome = await sameFromScratch(world, route =>
    connected(route, async db => {
      const put = await db
        .insertInto('customers')
        .values([
          { name: 'one', email: 'one@x' },
          { name: 'two', email: 'two@x' },
        ])
        .returning(['id', 'name'])
        .execute()
      const upserted = await db
        .insertInto('customers')
        .values({ name: 'uno', email: 'one@x' })
        .onConflict(conflict => conflict.column('email').doUpdateSet({ name: eb => eb.ref('excluded.name') }))
        .returningAll()
        .executeTakeFirstOrThrow()
      const changed = await db
        .updateTable('orders')
        .set({ total: '9.99' })
        .where('id', 'in', [1, 2, 3])
        .executeTakeFirst()
      const gone = await db.deleteFrom('orders').where('id', '=', 4).executeTakeFirst()
      const failed = await errorOf(
        db
          .transaction()
          .setIsolationLevel('serializable')
          .execute(async tx => {
            await tx.deleteFrom('orders').where('id', '>', 10).execute()
            await tx.insertInto('orders').values({ customer_id: 9999, total: '1', placed: '2024-01-01' }).execute()
          }),
      )
      const left = await db.selectFrom('orders').select(db.fn.countAll<string>().as('n')).execute()
      return {
        put,
        upserted,
        changed: String(changed.numUpdatedRows),
        gone: String(gone.numDeletedRows),
        code: failed['code'],
        left,
      }
    }),
  )
  expect(outcome).toMatchObject({ changed: '3', gone: '1', code: '23503', left: [{ n: '59' }] })
})

test('kysely: streams, schema introspection, explain', async () => {
  const outcome = await sameFromScratch(world, route =>
    connected(route, async db => {
      const rows: unknown[] = []
      for await (const row of db.selectFrom('orders').select(['id', 'total']).orderBy('id').stream(7)) rows.push(row)
      const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
      const schemas = await db.introspection.getSchemas()
      const plan = await db.selectFrom('orders').selectAll().where('id', '=', 1).explain('text', sql`costs off`)
      return { rows, tables, schemas, plan }
    }),
  )
  expect(outcome.rows).toHaveLength(60)
  expect(outcome.tables.map(({ name }) => name)).toContain('customers')
})

test('kysely: migrations up and down', async () => {
  const migrations: Record<string, Migration> = {
    a: {
      up: async db => {
        await db.schema
          .createTable('made')
          .addColumn('id', 'serial', c => c.primaryKey())
          .addColumn('t', 'text')
          .execute()
        await db.schema.createIndex('made_t').on('made').column('t').execute()
      },
      down: db => db.schema.dropTable('made').execute(),
    },
  }
  const outcome = await sameFromScratch(world, route =>
    connected(route, async db => {
      const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
      const up = await migrator.migrateToLatest()
      const made = await sql`insert into made (t) values ('x') returning *`.execute(db)
      const down = await migrator.migrateDown()
      return { up, made: made.rows, down }
    }),
  )
  expect(outcome).toMatchObject({
    up: { results: [{ status: 'Success' }] },
    made: [{ id: 1, t: 'x' }],
    down: { results: [{ status: 'Success' }] },
  })
})
