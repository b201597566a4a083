import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { RICH_SCHEMA } from './rich-schema.ts'
import { errorOf, sameBothWays, sameFromScratch } from './same-both-ways.ts'
import { VALUES_OF_TYPES } from './values-of-types.ts'

type Sql = ReturnType<typeof postgres>
type Options = postgres.Options<Record<string, postgres.PostgresType>>

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 17, schema: RICH_SCHEMA })
})
afterAll(() => world.stop())

async function connected<Outcome>(
  route: Route,
  work: (sql: Sql) => Promise<Outcome>,
  more: Options = {},
): Promise<Outcome> {
  const { host, port, user: username, password, database } = route
  const sql = postgres({ host, port, username, password, database, max: 1, onnotice: () => undefined, ...more })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** The rows, and what the driver hangs on them, but for functions of its own. */
const shown = <Rows extends readonly postgres.Row[]>(result: Rows & Partial<Outline>): unknown => ({
  rows: [...result],
  command: result.command,
  count: result.count,
  columns: result.columns?.map(outlineOf),
})

interface Outline {
  readonly command: string
  readonly count: number
  readonly columns: readonly Described[]
}

interface Described {
  readonly name: string | number
  readonly type: number
  readonly table: number
  readonly number: number
}

const outlineOf = ({ name, type, table, number }: Described): Described => ({ name, type, table, number })

describe.each([true, false])('postgres, with prepare %s', prepare => {
  test('values of every base type, both ways', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(
        route,
        async sql => {
          const results: unknown[] = []
          for (const [type, value] of VALUES_OF_TYPES)
            results.push(
              shown(
                await sql.unsafe(`select $1::text::${type} as v, array[$1::text::${type}] as a`, [value], { prepare }),
              ),
            )
          return results
        },
        { prepare },
      ),
    )
    expect(outcome).toHaveLength(VALUES_OF_TYPES.length)
  })

  test('what the driver makes of JavaScript values: types that it fetched, arrays, JSON, dates, fragments', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(
        route,
        async sql => {
          const made = new Date('2030-01-02T03:04:05.678Z')
          const one = { name: 'put in', mood: 'high', tags: ['a', 'b "c"'], info: sql.json({ deep: [1, null] }), made }
          const put = await sql`insert into customers ${sql(one)} returning *`
          const several = await sql`insert into orders ${sql([
            { customer_id: 1, total: '1.25', placed: '2035-01-01' },
            { customer_id: 2, total: '2.25', placed: '2035-01-01' },
          ])} returning id, total`
          const changed =
            await sql`update customers set ${sql({ age: 7 })} where id in ${sql([1, 2])} returning id, age`
          const moods = await sql`select ${sql.array(['low', 'high'])}::shop.mood[] as moods, ${made}::timestamptz as t`
          const asked =
            await sql`select ${sql(['id', 'name'])} from ${sql('public.customers')} where ${sql`id < ${3}`} order by 1`
          return [put, several, changed, moods, asked].map(rows => shown(rows))
        },
        { prepare },
      ),
    )
    expect(outcome).toHaveLength(5)
  })

  test('many queries down one connection, some of them failing', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(
        route,
        sql =>
          Promise.all(
            Array.from({ length: 100 }, (_, i) =>
              sql`select 100 / (${i}::int - 50) as q, name from customers where id = ${(i % 20) + 1}`.then(
                rows => [...rows],
                (error: { code: string }) => error.code,
              ),
            ),
          ),
        { prepare },
      ),
    )
    expect(outcome[50]).toBe('22012')
    expect(outcome.filter(Array.isArray)).toHaveLength(99)
  })

  test('transactions and savepoints', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(
        route,
        async sql => {
          const done = await sql.begin('isolation level serializable', async tx => {
            await tx`insert into orders (customer_id, total, placed) values (1, 5, '2036-01-01')`
            const failed = await tx
              .savepoint(async inner => {
                await inner`insert into orders (customer_id, total, placed) values (1, 5, '2036-01-01')`
              })
              .then(
                () => 'no error',
                (error: { code: string }) => error.code,
              )
            return [failed, ...(await tx`select count(*)::int as n from orders`)]
          })
          const rolled = await errorOf(sql.begin(tx => tx`select 1 / 0`))
          return { done, rolled: rolled['code'], left: [...(await sql`select count(*)::int as n from orders`)] }
        },
        { prepare },
      ),
    )
    expect(outcome).toEqual({ done: ['23505', { n: 61 }], rolled: '22012', left: [{ n: 61 }] })
  })
})

test('cursors, simple queries, raw and described results', async () => {
  const outcome = await sameBothWays(world, route =>
    connected(route, async sql => {
      const parts: number[] = []
      for await (const rows of sql`select g from generate_series(1, 25) g`.cursor(10)) parts.push(rows.length)
      const each: unknown[] = []
      await sql`select id from customers order by 1`.forEach(row => {
        each.push(row)
      })
      const early: unknown[] = []
      await sql`select g from generate_series(1, 1000) g`.cursor(5, rows => {
        early.push(...rows)
        return early.length >= 10 ? sql.CLOSE : undefined
      })
      const several = await sql`select 1 as a; select 2 as b`.simple()
      const described = await sql`select id, mood, total from customers join orders on id = customer_id where id = ${1}`
        .describe()
        .catch((error: { code: string }) => error.code)
      const columns = await sql`select c.id, c.mood from customers c where c.id = ${1}`.describe()
      const values = await sql`select 1 as a, 2 as a`.values()
      const shape = { types: columns.types, columns: columns.columns.map(outlineOf) }
      return { parts, each, early, several, described, shape, values: [...values] }
    }),
  )
  expect(outcome).toMatchObject({ parts: [10, 10, 5], described: '42702', values: [[1, 2]] })
  expect(outcome.early).toHaveLength(10)
})

test('COPY, both ways, by streams', async () => {
  const outcome = await sameFromScratch(world, route =>
    connected(route, async sql => {
      await sql`create table copied (id int, t text)`
      await pipeline(Readable.from(['1\tone\n2\tt', 'wo\n', '3\t\\N\n']), await sql`copy copied from stdin`.writable())
      const chunks: Buffer[] = []
      for await (const chunk of await sql`copy (select * from copied order by id) to stdout with csv`.readable())
        chunks.push(Buffer.from(chunk))
      return [Buffer.concat(chunks).toString(), [...(await sql`select count(*)::int as n from copied`)]]
    }),
  )
  expect(outcome).toEqual(['1,one\n2,two\n3,\n', [{ n: 3 }]])
})

test('errors with all their fields, notices, cancel, TLS', async () => {
  const outcome = await sameBothWays(world, async route => {
    const notices: unknown[] = []
    const tls = { ssl: { ca: route.ca, servername: 'localhost' }, onnotice: (notice: unknown) => notices.push(notice) }
    return connected(
      route,
      async sql => {
        const failed = await errorOf(sql`insert into customers (name, age) values ('xx', ${0})`)
        const unknown = await errorOf(sql`select ${'x'}::int`)
        await sql`drop table if exists nothing_here`
        const running = sql`select pg_sleep(20)`
        setTimeout(() => running.cancel(), 300)
        const cancelled = await errorOf(running)
        // The sequence moves on at each failed insert, and shows in the detail.
        return [{ ...failed, detail: null }, unknown, cancelled['code'], notices, [...(await sql`select 1 as alive`)]]
      },
      tls,
    )
  })
  expect(outcome).toMatchObject([{ code: '23514' }, { code: '22P02' }, '57014', [{ code: '00000' }], [{ alive: 1 }]])
})

test('LISTEN is refused, as nothing would ever come', async () => {
  await connected(world.governed, async sql => {
    const { code } = await errorOf(sql.listen('channel', () => undefined))
    expect(code).toBe('0A000')
  })
})
