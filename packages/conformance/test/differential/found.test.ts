import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { DEFAULT_LIMITS, type PostgresClassifier, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { breachOf } from '../../src/differential/explore.ts'
import { LAWS } from '../../src/differential/laws.ts'
import { WORLD_SETTINGS, World } from '../../src/differential/world.ts'
import { SHOP } from '../../src/differential/worlds.ts'

/** What the harness found and shrank: each broke a law once. */
const FOUND = [
  'delete from customers',
  'delete from v_directory',
  'delete from crm.v_eu',
  'delete from v_open_orders where v_open_orders is not null',
  'truncate products cascade',
  'truncate customers cascade',
  'update v_customer_row set id = id where 1 = 1',
  'update crm.v_eu set gov = gov',
  'merge into orders t using orders s on t.id = s.id when matched then delete',
  "UPDATE customers SET tier = 'gold' WHERE id = 1",
  'do $d$ begin perform 1; truncate hr.employees; end $d$',
  "do $d$ begin perform 1; delete from hr.people where people.id::text = '1'::text; end $d$",
  "CALL close_orders(lower('N' || 'EW'))",
  'SELECT purge_cancelled()',
  'select drop_feedback()',
  'select refresh_total(1)',
  "SELECT lookup_any('customers', 'ssn', 1)",
  "select 'a' +! 1",
  'select lo_create(1)',
  'SELECT c.tag FROM customers c',
  'SELECT c.row_sig FROM customers c',
  'SELECT * FROM ROWS FROM (list_customers(), generate_series(1, 3))',
  'ALTER TABLE IF EXISTS nowhere RENAME CONSTRAINT a TO b',
  'explain create temp table t3 as values (1)',
  'explain select 1 as a into temp t3',
]

let server: PostgresServer
let world: World
let classifier: PostgresClassifier
beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: WORLD_SETTINGS })
  world = await World.open(SHOP, server)
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
}, 120_000)
afterAll(async () => {
  world?.close()
  await server?.stop()
})

test.each(FOUND)('P11: %s', async text => {
  for (const law of LAWS) expect(await breachOf(text, law, { world, classifier })).toBe(null)
})
