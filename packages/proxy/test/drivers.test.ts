import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import Cursor from 'pg-cursor'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, SECRETS } from './governed-database.ts'

const run = promisify(execFile)

const expectHidden = (shown: unknown): void => {
  for (const secret of SECRETS) expect(JSON.stringify(shown)).not.toContain(secret)
}

describe.each([15, 16, 17, 18] as const)('real drivers on PostgreSQL %i, with an OIDC token', major => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ major })
  })
  afterAll(() => governed.stop())

  test('pg: simple, extended and prepared', async () => {
    const client = await governed.client()
    const simple: unknown = await client.query('select name, ssn from customers order by id; select 1 as one')
    expect(simple).toMatchObject([{ rows: [{ name: 'Ada' }, { name: 'Grace' }] }, { rows: [{ one: 1 }] }])
    const extended = await client.query('select name, email from customers where id = $1', [1])
    expect(extended.rows).toEqual([{ name: 'Ada', email: 'a***@example.com' }])
    const prepared = async (id: number) =>
      client.query({ name: 'one', text: 'select name, ssn, age from customers where id = $1', values: [id] })
    const rows = [...(await prepared(1)).rows, ...(await prepared(2)).rows]
    expect(rows.map(({ name, age }) => [name, age])).toEqual([
      ['Ada', 36],
      ['Grace', 40],
    ])
    expectHidden([simple, extended.rows, rows])
  })

  test('pg: a failed statement and a refused one leave the session usable', async () => {
    const client = await governed.client()
    await expect(client.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
    await expect(client.query('drop table orders')).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('no-ddl'),
      detail: expect.stringContaining('"code":"DENIED_BY_RULE"'),
      hint: expect.stringMatching(/\w/),
    })
    await expect(client.query('select $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
    expect((await client.query('select 2 as two')).rows).toEqual([{ two: 2 }])
  })

  test('pg: transactions, as the server has them', async () => {
    const client = await governed.client()
    await client.query('begin')
    await client.query('insert into notes values (1, $1)', ['first'])
    await client.query('savepoint s')
    await expect(client.query('insert into notes values (1, $1)', ['again'])).rejects.toMatchObject({ code: '23505' })
    await client.query('rollback to s')
    await client.query('commit')
    expect((await client.query('select id, body from notes')).rows).toEqual([{ id: 1, body: 'first' }])
  })

  test('pg-cursor: portals that are read in parts', async () => {
    const client = await governed.client()
    const cursor = client.query(
      new Cursor('select g, (select ssn from customers where id = 1) from generate_series(1, 25) g'),
    )
    const parts = [await cursor.read(10), await cursor.read(10), await cursor.read(10)]
    await cursor.close()
    expect(parts.map(part => part.length)).toEqual([10, 10, 5])
    expectHidden(parts)
  })

  test.each([true, false])('postgres: prepare %s, pipelined', async prepare => {
    const { host, port, password } = await governed.connection()
    const sql = postgres({
      host,
      port,
      password,
      user: 'agent',
      database: 'app',
      prepare,
      max: 1,
      onnotice: () => undefined,
    })
    try {
      const ask = (id: number) => sql`select name, ssn, email from customers where id = ${id}`
      const answers = await Promise.all([ask(1), ask(2), ask(1), ask(2)])
      expect(answers.map(([row]) => row?.['name'])).toEqual(['Ada', 'Grace', 'Ada', 'Grace'])
      expectHidden(answers)
      await expect(sql`drop table notes`).rejects.toMatchObject({ code: '42501' })
      await sql.begin(async tx => {
        await tx`insert into notes values (${prepare ? 10 : 11}, 'by postgres')`
      })
      expect(
        await sql`select count(*)::int as n from notes where body = 'by postgres' and id = ${prepare ? 10 : 11}`,
      ).toEqual([{ n: 1 }])
      expectHidden(await sql.unsafe('select * from customers').simple())
    } finally {
      await sql.end()
    }
  })

  test('psql: a script, with its tables, its errors and its own commands', async () => {
    const { host, port, password } = await governed.connection()
    const psql = (...args: readonly string[]) =>
      run('psql', ['-X', '-A', '-t', `host=${host} port=${port} dbname=app user=agent`, ...args], {
        env: { ...process.env, PGPASSWORD: String(password) },
      })
    const read = await psql('-c', 'select name, ssn from customers order by id')
    expect(read.stdout).toBe('Ada|[redacted]\nGrace|[redacted]\n')
    const script = await psql('-c', 'drop table orders', '-c', 'select count(*) from orders').then(
      done => done,
      (failed: { stdout: string; stderr: string }) => failed,
    )
    expect(script.stderr).toContain('no-ddl')
    expect(script.stdout).toContain('3')
    const copied = await psql('-c', '\\copy (select name, email from customers order by id) to stdout with csv')
    expect(copied.stdout).toBe('Ada,a***@example.com\nGrace,g***@example.org\n')
    expect((await psql('-c', '\\dt')).stdout).toContain('customers')
    expect((await psql('-c', '\\d customers')).stdout).toContain('ssn')
  })
})
