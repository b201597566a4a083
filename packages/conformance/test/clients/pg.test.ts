import { Client, type ClientConfig, type FieldDef, type QueryResult } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { openPool } from './open-pool.ts'
import { RICH_SCHEMA } from './rich-schema.ts'
import { errorOf, sameBothWays, sameFromScratch } from './same-both-ways.ts'
import { FAILING, STATEMENTS } from './statements.ts'
import { VALUES_OF_TYPES } from './values-of-types.ts'

/** Cells as they come, so that no parser of the driver evens out a difference. */
const RAW = { getTypeParser: () => (cell: unknown) => cell }

async function connected<Outcome>(
  route: Route,
  work: (client: Client) => Promise<Outcome>,
  more: ClientConfig & { readonly pipeline?: boolean } = {},
): Promise<Outcome> {
  const { host, port, user, password, database } = route
  const client = new Client({ host, port, user, password, database, ...more })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const shown = ({ command, rowCount, fields, rows }: QueryResult): unknown => ({
  command,
  rowCount,
  rows,
  fields: fields.map((field: FieldDef) => ({ ...field })),
})

describe.each([15, 18] as const)('pg, on PostgreSQL %i', major => {
  let world: GovernedServer
  beforeAll(async () => {
    world = await startGovernedServer({ major, schema: RICH_SCHEMA })
  })
  afterAll(() => world.stop())

  test.each([false, true])('values of every base type, as parameters and as results, in binary: %s', async binary => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const results: unknown[] = []
        for (const [type, value] of VALUES_OF_TYPES) {
          const text = `select $1::${type} as v, array[$1::${type}, null] as a, null::${type} as n`
          const asked = { text, values: [value], binary, types: RAW }
          results.push([type, shown(await client.query(asked))])
        }
        return results
      }),
    )
    expect(outcome).toHaveLength(VALUES_OF_TYPES.length)
    expect(JSON.stringify(outcome)).toContain(binary ? '"format":"binary"' : '"format":"text"')
  })

  test('parameters in binary', async () => {
    const int8 = Buffer.alloc(8)
    int8.writeBigInt64BE(-5n)
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const asked = { text: 'select $1::bytea as b, $2::int8 as i', values: [Buffer.from([0, 255, 10]), int8] }
        return shown(await client.query({ ...asked, types: RAW }))
      }),
    )
    expect(outcome).toMatchObject({ rows: [{ b: '\\x00ff0a', i: '-5' }] })
  })

  test('what a result says of its columns: tables, types, modifiers, by each way to ask', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const text =
          'select o.id, o.total, c.name as n, c.tags, c.mood, 1 + 1, now() is null from orders o join customers c on c.id = o.customer_id order by 1 limit 3'
        const extended = { text, queryMode: 'extended' }
        return [
          shown(await client.query(text)),
          shown(await client.query(extended)),
          shown(await client.query({ text, name: 'by-name' })),
          shown(await client.query({ text, rowMode: 'array' })),
        ]
      }),
    )
    expect(outcome).toHaveLength(4)
    expect(JSON.stringify(outcome)).toContain('"dataTypeModifier":655366')
  })

  test('prepared statements by name, taken in turns and with other parameters', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const results: unknown[] = []
        for (let turn = 1; turn <= 4; turn++) {
          results.push(
            shown(
              await client.query({ name: 'one', text: 'select name from customers where id = $1', values: [turn] }),
            ),
            shown(
              await client.query({
                name: 'two',
                text: 'select $1::int + id as s from orders where id = $2',
                values: [turn, turn],
              }),
            ),
            shown(
              await client.query({
                name: 'put',
                text: 'update orders set total = total + $1 where id = $2 returning total',
                values: [turn, 1],
              }),
            ),
          )
        }
        results.push(await errorOf(client.query({ name: 'one', text: 'select 1' })).then(({ message }) => message))
        return results
      }),
    )
    expect(outcome).toHaveLength(13)
  })

  test('command tags and counts of every kind of statement', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const results: unknown[] = []
        // Numbers of relations that a run makes go on from the last run's: only which are the same can be compared.
        const tables: number[] = []
        const numbered = (table: number): number => {
          if (!tables.includes(table)) tables.push(table)
          return tables.indexOf(table)
        }
        for (const text of STATEMENTS) {
          const result = await client.query(text)
          for (const field of result.fields) field.tableID = numbered(field.tableID)
          results.push([text, shown(result)])
        }
        return results
      }),
    )
    expect(outcome).toHaveLength(STATEMENTS.length)
  })

  test('errors of the server, with all their fields', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const errors: unknown[] = []
        for (const [text] of FAILING)
          errors.push(
            await errorOf(client.query(text)),
            await errorOf(client.query({ text, name: `p${errors.length}` })),
          )
        return { errors, alive: (await client.query('select 1 as alive')).rows }
      }),
    )
    expect(outcome).toMatchObject({
      errors: FAILING.flatMap(([, code]) => [{ code }, { code }]),
      alive: [{ alive: 1 }],
    })
  })

  test('callbacks, several statements in one text, empty texts', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const several = await new Promise<unknown>((resolve, reject) =>
          client.query('select 1 as a; select 2 as b, 3 as c; select where false', (error, results) =>
            error ? reject(error) : resolve(results),
          ),
        )
        const failing = await errorOf(
          client.query('insert into orders (customer_id, total) values (1, 1); select 1 / 0; select 2'),
        )
        const left = await client.query('select count(*)::int as n from orders')
        const list = Array.isArray(several) ? several.map(shown) : several
        return {
          list,
          failing,
          left: left.rows,
          empty: shown(await client.query('')),
          space: shown(await client.query(' ; ')),
        }
      }),
    )
    expect(outcome).toMatchObject({ list: [{}, {}, {}], failing: { code: '22012' }, left: [{ n: 60 }] })
  })

  test('transactions, savepoints and what is left of a failed one', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const results: unknown[] = []
        const ask = async (text: string, values?: readonly unknown[]): Promise<void> => {
          const done = client.query(text, values === undefined ? undefined : [...values])
          results.push(
            await done.then(shown, (error: { code?: string; message: string }) => [error.code, error.message]),
          )
        }
        await ask('begin isolation level serializable read write')
        await ask('insert into orders (customer_id, total) values ($1, $2) returning id', [1, '9.5'])
        await ask('savepoint a')
        await ask('select 1 / $1::int', [0])
        await ask('select 1')
        await ask('rollback to savepoint a')
        await ask('release a')
        await ask('commit and chain')
        await ask('select 1 / 0')
        await ask('commit')
        await ask('begin read only')
        await ask('delete from orders where id = 1')
        await ask('rollback')
        await ask('rollback')
        await ask('select count(*)::int from orders')
        return results
      }),
    )
    expect(outcome).toHaveLength(15)
    expect(JSON.stringify(outcome)).toContain('25P02')
  })

  test('notices', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const notices: unknown[] = []
        client.on('notice', ({ name, length: _, ...fields }) => notices.push([name, fields]))
        await client.query('drop table if exists nothing_here')
        await client.query('create table if not exists orders (id int)')
        await client.query({ text: 'rollback', name: 'prepared' })
        return notices
      }),
    )
    expect(outcome).toHaveLength(3)
  })

  test('settings that the server tells its clients', async () => {
    const told = (route: Route) => {
      const parameters = new Map<string, string>()
      const { host, port, user, password, database } = route
      const client = new Client({ host, port, user, password, database, application_name: 'app' })
      Reflect.get(client, 'connection').on(
        'parameterStatus',
        (message: { parameterName: string; parameterValue: string }) =>
          parameters.set(message.parameterName, message.parameterValue),
      )
      return client
        .connect()
        .then(() => client.query("set timezone to 'Asia/Tokyo'"))
        .then(() => client.query("set datestyle to 'German'"))
        .then(() => client.end())
        .then(() => Object.fromEntries([...parameters].sort()))
    }
    // Which account the gateway has, and how it is set up, isn't the client's business.
    const own = ['application_name', 'search_path', 'is_superuser', 'session_authorization', 'scram_iterations']
    const direct = await told(world.direct)
    for (const name of own) delete direct[name]
    expect(direct).toMatchObject({ TimeZone: 'Asia/Tokyo', DateStyle: 'German, DMY', client_encoding: 'UTF8' })
    expect(await told(world.governed)).toEqual(direct)
  })

  test('a pool under load, TLS verified', async () => {
    const outcome = await sameBothWays(world, async route => {
      const { pool, closed } = openPool(route, { max: 4, ssl: { ca: route.ca, servername: 'localhost' } })
      try {
        const asked = Array.from({ length: 40 }, (_, i) => pool.query('select $1::int * 2 as twice', [i]))
        return (await Promise.all(asked)).map(({ rows }) => rows)
      } finally {
        await pool.end()
        await closed()
      }
    })
    expect(outcome).toHaveLength(40)
  })

  test('pipelining, with an error in its midst', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(
        route,
        async client => {
          const asked = Array.from({ length: 30 }, (_, i) =>
            client
              .query({ text: 'select 100 / ($1::int - 15) as q', values: [i], ...(i % 2 === 0 ? { name: 'q' } : {}) })
              .then(
                ({ rows }) => rows,
                (error: { code: string }) => error.code,
              ),
          )
          return Promise.all(asked)
        },
        { pipeline: true },
      ),
    )
    expect(outcome[15]).toBe('22012')
    expect(outcome[16]).toEqual([{ q: 100 }])
  })

  test('a cancelled query ends with 57014, and the session lives on', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const { host, port } = route
        const canceller = new Client({ host, port })
        const running = errorOf(client.query('select pg_sleep(20)'))
        await new Promise(resolve => setTimeout(resolve, 300))
        // The one way in which pg cancels, and it isn't in its types.
        const query: unknown = Reflect.get(client, '_activeQuery') ?? Reflect.get(client, 'activeQuery')
        Reflect.apply(Reflect.get(canceller, 'cancel'), canceller, [client, query])
        const { code, message } = await running
        return [code, message, (await client.query('select 1 as alive')).rows]
      }),
    )
    expect(outcome).toEqual(['57014', 'canceling statement due to user request', [{ alive: 1 }]])
  })

  test('large texts, large values and many rows', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const long = 'ä'.repeat(500_000)
        const echoed = await client.query('select $1::text as long, length($1) as n', [long])
        const many = await client.query("select g, repeat('x', g % 50) as x from generate_series(1, 20000) g")
        const wide = await client.query(`select ${Array.from({ length: 1_000 }, (_, i) => `${i} as c${i}`).join(', ')}`)
        const digest = many.rows.reduce((sum, { g, x }) => sum + g * (x.length + 1), 0)
        return [echoed.rows[0].long === long, echoed.rows[0].n, many.rowCount, digest, wide.rows]
      }),
    )
    expect(outcome.slice(0, 3)).toEqual([true, 500_000, 20_000])
  })
})
