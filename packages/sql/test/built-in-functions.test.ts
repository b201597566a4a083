import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAJORS } from '../src/postgres/engine.ts'
import { HARMLESS_FUNCTIONS } from '../src/postgres/functions/harmless.ts'
import { REVIEWED_FUNCTIONS } from '../src/postgres/functions/reviewed.ts'
import { IMMUTABLE_FUNCTIONS, SYSTEM_RELATIONS } from '../src/postgres/generated/built-ins.ts'

const seen = new Set<string>()

describe.each(MAJORS)('lists of built-ins, against PostgreSQL %i', major => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({ major })
  }, 120_000)
  afterAll(async () => server?.stop())

  test('no function that could change something is listed as immutable', async () => {
    const rows = await server.exec(`
      select distinct proname from pg_proc p join pg_language l on l.oid = p.prolang
      where pronamespace = 'pg_catalog'::regnamespace and proargtypes::text !~ '\\y(2281|2275)\\y'
        and prorettype::regtype::text not in ('internal', 'cstring') and prorettype::regtype::text !~ '(trigger|handler)$'
        and (provolatile <> 'i' or prokind = 'f' and lanname not in ('internal', 'sql'))`)
    expect(rows.map(row => String(row['proname'])).filter(name => IMMUTABLE_FUNCTIONS.has(name))).toEqual([])
    expect(rows.length).toBeGreaterThan(300)
  })

  test('no system relation is missing', async () => {
    const rows = await server.exec(`
      select nspname || '.' || relname as name from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname in ('pg_catalog', 'information_schema') and relkind in ('r', 'v', 'm', 'f', 'p')`)
    expect(rows.map(row => String(row['name'])).filter(name => !SYSTEM_RELATIONS.has(name))).toEqual([])
    const functions = await server.exec(`select proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace`)
    for (const row of functions) seen.add(String(row['proname']))
  })
})

test('every function listed by hand is one of the server, and none is listed both ways', () => {
  const listed = [...HARMLESS_FUNCTIONS, ...REVIEWED_FUNCTIONS.keys()]
  expect(listed.filter(name => !seen.has(name))).toEqual([])
  expect([...HARMLESS_FUNCTIONS].filter(name => REVIEWED_FUNCTIONS.has(name))).toEqual([])
})
