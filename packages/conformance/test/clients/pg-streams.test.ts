import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { RICH_SCHEMA } from './rich-schema.ts'
import { errorOf, sameBothWays, sameFromScratch } from './same-both-ways.ts'

let world: GovernedServer
beforeAll(async () => {
  world = await startGovernedServer({ major: 16, schema: RICH_SCHEMA })
})
afterAll(() => world.stop())

async function connected<Outcome>(route: Route, work: (client: Client) => Promise<Outcome>): Promise<Outcome> {
  const { host, port, user, password, database } = route
  const client = new Client({ host, port, user, password, database })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const collected = async (stream: Readable): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

describe('pg-cursor', () => {
  test('reads in parts, past the end, with parameters, and beside other statements of a transaction', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        await client.query('begin')
        const cursor = client.query(new Cursor('select g, $1::text as t from generate_series(1, 25) g', ['x']))
        const parts = [await cursor.read(10), await cursor.read(1), await cursor.read(20), await cursor.read(5)]
        await cursor.close()
        const whole = client.query(new Cursor('select id, mood from customers order by id'))
        const first = await whole.read(3)
        await whole.close()
        await client.query('commit')
        return [parts, first, (await client.query('select 1 as alive')).rows]
      }),
    )
    expect(outcome[0]?.map((part: unknown) => (Array.isArray(part) ? part.length : null))).toEqual([10, 1, 14, 0])
  })

  test('meets an error in the midst of the rows, and the session lives on', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const cursor = client.query(new Cursor('select 100 / (15 - g) as q from generate_series(1, 30) g'))
        const first = await cursor.read(10)
        const failure = await errorOf(cursor.read(10))
        return { first, code: failure['code'], alive: (await client.query('select 1 as alive')).rows }
      }),
    )
    expect(outcome).toMatchObject({ code: '22012', alive: [{ alive: 1 }] })
    expect(outcome.first).toHaveLength(10)
  })
})

describe('pg-query-stream', () => {
  test('streams all rows in batches', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const text = "select g, repeat('y', g % 9) as y from generate_series(1, $1::int) g"
        const rows: unknown[] = []
        for await (const row of client.query(new QueryStream(text, [5_000], { batchSize: 333 }))) rows.push(row)
        return rows
      }),
    )
    expect(outcome).toHaveLength(5_000)
  })

  test('left early, it leaves the session usable', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const rows: unknown[] = []
        for await (const row of client.query(
          new QueryStream('select g from generate_series(1, 100000) g', [], { batchSize: 7 }),
        )) {
          rows.push(row)
          if (rows.length === 20) break
        }
        return [rows, (await client.query('select 1 as alive')).rows]
      }),
    )
    expect(outcome[0]).toHaveLength(20)
  })
})

const FORMATS = ['(format text)', "(format csv, header, delimiter ';', null 'NIL')", '(format binary)'] as const

describe('pg-copy-streams', () => {
  test.each(FORMATS)('copies out and in again, %s', async format => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        const columns = '(name, email, mood, age, tags, info, made)'
        const out = await collected(client.query(to(`copy customers ${columns} to stdout ${format}`)))
        await client.query('create table copied as table customers with no data')
        const stream = client.query(from(`copy copied ${columns} from stdin ${format}`))
        // In small pieces, so that rows and messages don't end together.
        await pipeline(Readable.from(piecesOf(out, 37)), stream)
        return {
          bytes: out.toString('base64'),
          count: stream.rowCount,
          rows: (await client.query('table copied order by name')).rows,
        }
      }),
    )
    expect(outcome.count).toBe(20)
    expect(outcome.rows).toHaveLength(20)
  })

  test('copies a query out, many rows', async () => {
    const outcome = await sameBothWays(world, route =>
      connected(route, async client => {
        const stream = client.query(to('copy (select g, md5(g::text) from generate_series(1, 30000) g) to stdout'))
        const bytes = await collected(stream)
        return [bytes.length, bytes.subarray(-60).toString(), stream.rowCount]
      }),
    )
    expect(outcome).toEqual([expect.any(Number), expect.stringContaining('30000\t'), 30_000])
  })

  test('copies many rows in', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        await client.query('create table big (id int, t text)')
        const line = (i: number): string => `${i}\t${'z'.repeat(i % 90)}\n`
        const stream = client.query(from('copy big from stdin'))
        await pipeline(Readable.from(Array.from({ length: 40_000 }, (_, i) => line(i))), stream)
        return [
          stream.rowCount,
          (await client.query('select count(*)::int, sum(id)::int, sum(length(t))::int from big')).rows,
        ]
      }),
    )
    expect(outcome[0]).toBe(40_000)
  })

  test('a bad row ends it with the error of the server, and nothing is left of it', async () => {
    const outcome = await sameFromScratch(world, route =>
      connected(route, async client => {
        await client.query('create table strict (id int primary key)')
        const stream = client.query(from('copy strict from stdin'))
        const { code, where } = await errorOf(pipeline(Readable.from(['1\n2\n', 'three\n', '4\n']), stream))
        // The driver gives its stream up before the server has said that it is ready again.
        await setTimeout(100)
        return [code, where, (await client.query('select count(*)::int as n from strict')).rows]
      }),
    )
    expect(outcome).toEqual(['22P02', 'COPY strict, line 3, column id: "three"', [{ n: 0 }]])
  })
})

function* piecesOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
