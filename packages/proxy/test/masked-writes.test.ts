import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern, SECRETS } from './governed-database.ts'
import { recordedEvents } from './recorded-events.ts'

let governed: Governed
let client: Client
beforeAll(async () => {
  governed = await govern()
  client = await governed.client()
}, 120_000)
afterAll(() => governed?.stop())

/** What is in the table, past the gateway. */
async function stored(id: number): Promise<unknown> {
  const direct = await governed.direct()
  const { rows } = await direct.query('select id, name, email, ssn, age from customers where id = $1', [id])
  return rows[0]
}

const ADA = { id: 1, name: 'Ada', email: 'ada@example.com', ssn: '512-84-7731', age: 36 }
beforeEach(async () => {
  const direct = await governed.direct()
  await direct.query('update customers set name = $2, email = $3, ssn = $4, age = $5 where id = $1', Object.values(ADA))
})

const failureOf = (running: Promise<unknown>) =>
  running.then(
    () => null,
    (error: { code?: string; detail?: string; message: string; hint?: string }) => error,
  )

describe('a client that saves what it has read (WRITES_MASK)', () => {
  test('all columns of a row are not saved; the columns that changed are', async () => {
    const { rows } = await client.query('select * from customers where id = 1')
    const row = { ...rows[0], name: 'Augusta' }
    const save = 'update customers set name = $2, email = $3, ssn = $4, age = $5 where id = $1'
    const failure = await failureOf(client.query(save, [row.id, row.name, row.email, row.ssn, row.age]))
    expect(failure).toMatchObject({
      code: '42501',
      hint: expect.stringContaining('only the columns that were changed'),
    })
    expect(JSON.parse(failure?.detail ?? '{}')).toMatchObject({ querywarden: 1, code: 'WRITES_MASK' })
    expect(await stored(1)).toEqual(ADA)
    await client.query('update customers set name = $2 where id = $1', [row.id, row.name])
    expect(await stored(1)).toEqual({ ...ADA, name: 'Augusta' })
  })

  test('a fresh value for a masked column is saved, named statements and again', async () => {
    const save = { name: 'save', text: 'update customers set ssn = $2, email = $3 where id = $1 returning *' }
    const { rows } = await client.query({ ...save, values: [1, '111-11-1111', 'new@example.net'] })
    expect(JSON.stringify(rows)).not.toContain('111-11-1111')
    expect(await stored(1)).toEqual({ ...ADA, ssn: '111-11-1111', email: 'new@example.net' })
    const again = await failureOf(client.query({ ...save, values: [1, rows[0].ssn, 'other@example.net'] }))
    expect(JSON.parse(again?.detail ?? '{}')).toMatchObject({ code: 'WRITES_MASK' })
    expect(await stored(1)).toEqual({ ...ADA, ssn: '111-11-1111', email: 'new@example.net' })
  })

  test('by literals in a simple query, and inside a transaction, which it fails', async () => {
    const { rows } = await client.query('select email from customers where id = 1')
    await client.query('begin')
    const failure = await failureOf(
      client.query(`update customers set name = 'x', email = '${rows[0].email}' where id = 1`),
    )
    expect(failure?.code).toBe('42501')
    expect((await failureOf(client.query('select 1')))?.code).toBe('25P02')
    await client.query('rollback')
    expect(await stored(1)).toEqual(ADA)
  })

  test('by an upsert', async () => {
    const { rows } = await client.query('select * from customers where id = 1')
    const { id, name, email, ssn, age } = rows[0]
    const upsert =
      'insert into customers (id, name, email, ssn, age) values ($1, $2, $3, $4, $5) on conflict (id) do update set name = excluded.name, email = excluded.email, ssn = excluded.ssn, age = excluded.age'
    const failure = await failureOf(client.query(upsert, [id, name, email, ssn, age]))
    expect(JSON.parse(failure?.detail ?? '{}')).toMatchObject({ code: 'WRITES_MASK' })
    await client.query(upsert, [id, name, 'a@b.example', '222-22-2222', age])
    expect(await stored(1)).toEqual({ ...ADA, email: 'a@b.example', ssn: '222-22-2222' })
  })
})

describe('changes of masked relations through the gateway (I1)', () => {
  test.each([
    'update customers set name = ssn where id = 1 returning *',
    "delete from customers where id = 1 and ssn <> 'x' returning *",
    'with d as (update customers set age = age + 1 where id = 1 returning *) select * from d',
    "insert into customers values (7, '512-84-7731'::text || 'x', 'q@q.example', '603-19-0000') returning email, ssn, age",
    'update customers set age = 1 where id = 1 returning ssn, (select email), concat(ssn, email)',
  ])('%s', async text => {
    await client.query('begin')
    const { rows } = await client.query(text)
    await client.query('rollback')
    expect(rows.length).toBe(1)
    const shown = JSON.stringify(rows).replace('512-84-7731x', '')
    for (const secret of [...SECRETS, '603-19-0000']) expect(shown).not.toContain(secret)
  })

  test('a guess in a condition finds the mask, and no row', async () => {
    for (const text of [
      "update customers set age = age where ssn = '512-84-7731' and id = 1",
      "delete from customers where email = 'ada@example.com' and id = 1",
      "update customers set age = case when ssn like '5%' then 1 else age end where id = 1 and ssn like '5%'",
    ])
      expect((await client.query(text)).rowCount).toBe(0)
    expect(await stored(1)).toEqual(ADA)
  })

  test('a mask that would be computed into its own column is refused before it runs', async () => {
    const failure = await failureOf(client.query('update customers set ssn = upper(ssn) where id = 1'))
    expect(JSON.parse(failure?.detail ?? '{}')).toMatchObject({ code: 'WRITES_MASK' })
    expect(await stored(1)).toEqual(ADA)
  })

  test('the recording says that it was the gateway that refused', async () => {
    const reasons = async (): Promise<readonly string[]> =>
      (await recordedEvents(governed.recordings)).flatMap(event =>
        event.kind === 'completion' && event.completion.kind === 'cancelled' ? [event.completion.why] : [],
      )
    const before = (await reasons()).length
    const { rows } = await client.query('select email from customers where id = 1')
    await failureOf(client.query('update customers set email = $1 where id = 1', [rows[0].email]))
    await expect.poll(async () => (await reasons()).slice(before)).toEqual([expect.stringMatching(/^WRITES_MASK: /)])
  })
})
