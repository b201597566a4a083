import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { effectsOf } from '@querywarden/policy-core'
import { DEFAULT_LIMITS, type PostgresClassifier, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WORLD_SETTINGS, World } from '../../src/differential/world.ts'
import { SHOP } from '../../src/differential/worlds.ts'

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

const effects = (text: string): readonly string[] =>
  effectsOf(classifier.classify({ dialect: 'postgres', text, params: [] }, world.catalog))

describe('T9: SQL that is made while it runs is never a read', () => {
  test.each([
    "DO $$ DECLARE q text := current_setting('x.y'); BEGIN EXECUTE q; END $$",
    "SELECT run_sql('SELECT 1')",
    "SELECT lookup_any('customers', 'ssn', 1)",
    "SELECT query_to_xml('SELECT 1', true, false, '')",
    "SELECT * FROM dblink('dbname=app', 'DELETE FROM settings') AS t (a int)",
    'EXECUTE something',
  ])('T9: %s may do anything', text => {
    expect(effects(text)).toContain('unknown')
  })

  test.each([
    "DO $$ BEGIN EXECUTE 'DELETE FROM settings'; END $$",
    'SELECT drop_feedback()',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$',
    'CREATE RULE r AS ON SELECT TO ping DO INSTEAD SELECT 1 AS n',
    'CREATE TRIGGER t BEFORE INSERT ON settings FOR EACH ROW EXECUTE FUNCTION audit.shout()',
    'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION audit.shout()',
    'CREATE POLICY p ON settings USING (purge_cancelled() > 0)',
    'IMPORT FOREIGN SCHEMA remote FROM SERVER other INTO scratch',
    'ALTER TABLE settings OWNER TO app_batch',
    'ALTER FUNCTION find_ref(int) SECURITY DEFINER',
    'PREPARE p AS DELETE FROM settings',
    "CALL close_orders('new')",
  ])('T9: %s is no read', text => {
    expect(effects(text)).not.toEqual(['read'])
    expect(effects(text)).not.toEqual([])
  })
})
