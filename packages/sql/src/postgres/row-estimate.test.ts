import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRowEstimate } from './row-estimate.ts'

let database: PostgresServer
let client: Client
beforeAll(async () => {
  database = await startPostgres({ database: 'app' })
  await database.exec(
    'create table t as select i as id from generate_series(1, 5000) i; analyze t; create table u (id int)',
  )
  client = new Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.stop()
})

test.each([
  ['select * from t', 5_000],
  ['select count(*) from t', 1],
  ['select * from t limit 7', 7],
  ['delete from t', 5_000],
  ['update t set id = 1', 5_000],
  ['insert into u select id from t', 5_000],
  ['insert into u values (1), (2), (3)', 3],
  ['with gone as (delete from t returning id) select count(*) from gone', 5_000],
])('%s: %d rows', async (text, expected) => {
  const { rows } = await client.query(`explain (format json) ${text}`)
  expect(readRowEstimate(rows[0]['QUERY PLAN'])).toBe(expected)
})

describe('what is no plan has no estimate', () => {
  const deep = (depth: number): unknown => ({ 'Plan Rows': 1, ...(depth === 0 ? {} : { Plans: [deep(depth - 1)] }) })
  test.each([
    null,
    [],
    [{}],
    [{ Plan: {} }],
    [{ Plan: { 'Plan Rows': -1 } }],
    [{ Plan: { 'Plan Rows': '5' } }],
    [{ Plan: { 'Plan Rows': 1, Plans: 'no' } }],
    [{ Plan: { 'Plan Rows': 1, 'Node Type': 'ModifyTable', Plans: [{}] } }],
    [{ Plan: { 'Plan Rows': 1 } }, { Plan: { 'Plan Rows': 1 } }],
    [{ Plan: deep(300) }],
  ])('%j', explained => {
    expect(readRowEstimate(explained)).toBeNull()
  })
})
