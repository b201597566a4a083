import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SECRETS } from './governed-database.ts'

let governed: Governed
beforeAll(async () => {
  const key = join(tmpdir(), `querywarden-lookups-${process.pid}`)
  await writeFile(key, 'a key of the tests, long enough')
  const policy = POLICY.replace(
    'with: redact, unless: { groups: [pii-readers] }',
    'with: hash, predicates: equality, lookups: { per-minute: 6 }',
  )
  governed = await govern({ policy, more: `masking: { hash_key: { file: ${key} } }` })
}, 120_000)
afterAll(() => governed?.stop())

const idsOf = async (client: Client, text: string, values: readonly unknown[] = []): Promise<unknown> => {
  const { rows } = await client.query({ text, values: [...values], rowMode: 'array' })
  return rows.flat()
}

const codeOf = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => 'cleared',
    (error: { detail?: string }) => JSON.parse(error.detail ?? '{}').code,
  )

test('I1: lookups find their rows until the budget is spent, over all sessions, and again by a prepared statement', async () => {
  const [one, other] = [await governed.client(), await governed.client()]
  expect(await idsOf(one, "select id from customers where ssn = '512-84-7731'")).toEqual([1])
  const named = { name: 'by-ssn', text: 'select id from customers where ssn = $1', rowMode: 'array' as const }
  expect((await one.query({ ...named, values: ['603-19-4428'] })).rows).toEqual([[2]])
  expect((await one.query({ ...named, values: ['000-00-0000'] })).rows).toEqual([])
  expect(await idsOf(other, 'select id from customers where ssn = any ($1)', [['512-84-7731', 'x']])).toEqual([1])
  await one.query('prepare q as select id from customers where ssn = $1')
  // Preparing looked nothing up.
  expect(await idsOf(one, "execute q('512-84-7731')")).toEqual([1])
  expect(await codeOf(one.query("execute q('603-19-4428')"))).toBe('LIMIT_EXCEEDED')
  expect(await codeOf(one.query({ ...named, values: ['603-19-4428'] }))).toBe('LIMIT_EXCEEDED')
  expect(await codeOf(other.query("update customers set ssn = '603-19-4428' where id = 1"))).toBe('LIMIT_EXCEEDED')
  expect(await codeOf(other.query("insert into customers values (9, 'n', 'e', '603-19-4428', 1)"))).toBe(
    'LIMIT_EXCEEDED',
  )
  // Nothing is looked up here.
  const { rows } = await other.query('select * from customers order by id')
  expect(rows).toHaveLength(2)
  for (const secret of SECRETS) expect(JSON.stringify(rows)).not.toContain(secret)
})
