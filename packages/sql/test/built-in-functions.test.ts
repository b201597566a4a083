import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { FUNCTION_CLASSES } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAJORS } from '../src/postgres/engine.ts'
import { builtInClass, builtInEffect, EFFECT_OF_CLASS } from '../src/postgres/functions/classify-function.ts'
import { REVIEWED_FUNCTIONS } from '../src/postgres/functions/reviewed.ts'
import { IMMUTABLE_FUNCTIONS, SYSTEM_RELATIONS } from '../src/postgres/generated/built-ins.ts'

/** Overloads that SQL can call: nothing that takes or gives `internal` or `cstring`, no handlers, no triggers. */
const CALLABLE = `
  p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w', 'p') and not exists (
    select from unnest(p.proargtypes::oid[] || p.prorettype) t join pg_catalog.pg_type y on y.oid = t
    where y.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
                        'index_am_handler', 'table_am_handler', 'tsm_handler'))`

/** The clock, chance, and what looks at the schema or the build without locking it. */
const HARMLESS_THOUGH_VOLATILE = new Set([
  ...['clock_timestamp', 'timeofday', 'random', 'random_normal', 'gen_random_uuid', 'uuidv4', 'uuidv7'],
  ...['array_sample', 'array_shuffle', 'pg_is_in_recovery', 'pg_jit_available', 'pg_get_wait_events'],
  ...['pg_get_wal_resource_managers', 'pg_partition_ancestors', 'pg_partition_tree', 'amvalidate'],
  ...['pg_collation_actual_version', 'pg_database_collation_actual_version'],
])

const seen = new Set<string>()
const changing = new Set<string>()

describe.each(MAJORS)('lists of built-ins, against PostgreSQL %i', major => {
  let server: PostgresServer
  const namesOf = async (sql: string): Promise<readonly string[]> =>
    (await server.exec(sql)).map(row => String(row['name']))
  beforeAll(async () => {
    server = await startPostgres({ major })
    for (const name of await namesOf(`select distinct proname as name from pg_proc p where ${CALLABLE}`)) seen.add(name)
  }, 120_000)
  afterAll(async () => server?.stop())

  test('P11: every function that SQL can call has a class', async () => {
    const names = await namesOf(`select distinct proname as name from pg_proc p where ${CALLABLE}`)
    expect(names.filter(name => !REVIEWED_FUNCTIONS.has(name) && !IMMUTABLE_FUNCTIONS.has(name))).toEqual([])
    expect(names.length).toBeGreaterThan(1_800)
  })

  test('P11: no function that could change something is listed as immutable', async () => {
    const names = await namesOf(`
      select distinct proname as name from pg_proc p join pg_language l on l.oid = p.prolang
      where ${CALLABLE} and (provolatile <> 'i' or prokind = 'f' and lanname not in ('internal', 'sql'))`)
    expect(names.filter(name => IMMUTABLE_FUNCTIONS.has(name))).toEqual([])
    expect(names.length).toBeGreaterThan(300)
    for (const name of names) changing.add(name)
  })

  test('P11: what no one but superusers and owners of a role may run is never without an effect', async () => {
    const names = await namesOf(`
      select distinct proname as name from pg_proc p
      where ${CALLABLE} and not has_function_privilege('pg_signal_backend', p.oid, 'execute')`)
    expect(names.filter(name => builtInEffect(name) === null)).toEqual([])
    expect(names.length).toBeGreaterThan(40)
  })

  test('P11: of what is volatile only the clock, chance and the session have no effect', async () => {
    const names = await namesOf(
      `select distinct proname as name from pg_proc p where ${CALLABLE} and provolatile = 'v'`,
    )
    expect(names.filter(name => builtInEffect(name) === null && !HARMLESS_THOUGH_VOLATILE.has(name))).toEqual([])
  })

  test('operators and casts run no function with an effect', async () => {
    const names = await namesOf(`
      select p.proname as name from pg_operator o join pg_proc p on p.oid = o.oprcode
      where o.oprnamespace = 'pg_catalog'::regnamespace
      union select p.proname from pg_cast c join pg_proc p on p.oid = c.castfunc where p.pronamespace = 'pg_catalog'::regnamespace`)
    expect(names.filter(name => builtInEffect(name) !== null)).toEqual([])
    expect(names.length).toBeGreaterThan(500)
  })

  test('the input and output of types only read the schema, the time zone and settings of the session', async () => {
    const volatile = await namesOf(`
      select p.proname as name from pg_type t join pg_proc p on p.oid in (t.typinput, t.typoutput, t.typreceive, t.typsend)
      where t.typnamespace = 'pg_catalog'::regnamespace and p.provolatile = 'v'`)
    expect(volatile).toEqual([])
  })

  test('no system relation is missing', async () => {
    const names = await namesOf(`
      select nspname || '.' || relname as name from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname in ('pg_catalog', 'information_schema') and relkind in ('r', 'v', 'm', 'f', 'p')`)
    expect(names.filter(name => !SYSTEM_RELATIONS.has(name))).toEqual([])
  })
})

test('every reviewed function is one that SQL can call in some major, and not immutable there', () => {
  expect([...REVIEWED_FUNCTIONS.keys()].filter(name => !seen.has(name) || !changing.has(name))).toEqual([])
})

test('a name that no server has is unknown', () => {
  expect(builtInClass('pg_something_new').class).toBe('unknown')
  expect(builtInEffect('pg_something_new')).toEqual({
    effect: 'unknown',
    why: 'is not a listed built-in function',
    listed: false,
  })
})

test('every class has its effect', () => {
  expect(Object.keys(EFFECT_OF_CLASS).sort()).toEqual([...FUNCTION_CLASSES].sort())
})
