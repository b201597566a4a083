import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Facts } from '@querywarden/policy-core'
import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { breachesOf, type Law } from '../../src/differential/laws.ts'
import { runStatements } from '../../src/differential/run-statements.ts'
import { shrink } from '../../src/differential/shrink.ts'
import { WORLD_SETTINGS, World } from '../../src/differential/world.ts'
import { SHOP } from '../../src/differential/worlds.ts'

type Understood = Extract<Facts, { kind: 'understood' }>

let server: PostgresServer
let world: World
let factsOf: (sql: string) => Understood
beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: WORLD_SETTINGS })
  world = await World.open(SHOP, server)
  const { classify } = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  factsOf = text => {
    const facts = classify({ dialect: 'postgres', text, params: [] }, world.catalog)
    if (facts.kind === 'opaque') throw new Error(facts.message)
    return facts
  }
}, 120_000)
afterAll(async () => {
  world?.close()
  await server?.stop()
})

const laws = async (text: string, facts: Facts): Promise<readonly Law[]> => {
  const [outcome] = await runStatements(world, [{ text, facts, wantsDepends: true }])
  if (outcome?.kind !== 'ran') throw new Error(`${text} did not run: ${JSON.stringify(outcome)}`)
  return [...new Set(breachesOf({ text, facts, outcome }, world).map(({ law }) => law))]
}

/** The facts of something harmless, under the tag of what is run. */
const harmless = (tag: string): Understood => ({ ...factsOf('SELECT 1'), tag, outputs: null })

describe('the harness sees what facts leave out: a law that can’t be broken proves nothing', () => {
  const seen: [string, string, Law][] = [
    ['rows deleted', 'DELETE FROM public.settings', 'a read moves nothing'],
    ['a table truncated', 'TRUNCATE public.feedback', 'a read moves nothing'],
    ['a function that writes', 'SELECT public.wipe_settings()', 'a read moves nothing'],
    ['rows locked', 'SELECT k FROM public.settings FOR UPDATE', 'a read moves nothing'],
    ['a sequence moved', "SELECT nextval('public.ticket_no')", 'a read moves nothing'],
    ['a setting changed', "SELECT set_config('work_mem', '1MB', false)", 'a read moves nothing'],
    ['an advisory lock', 'SELECT pg_advisory_lock(1)', 'a read moves nothing'],
    ['a notification', "SELECT pg_notify('c', 'x')", 'a read moves nothing'],
    ['a large object', 'SELECT lo_create(0)', 'a read moves nothing'],
    ['a table made', 'CREATE TABLE scratch.made (a int)', 'a read moves nothing'],
    ['something prepared', 'PREPARE prepared AS SELECT 1', 'a read moves nothing'],
    ['a relation read', 'SELECT id FROM public.orders', 'every relation that is locked is in the facts'],
    ['a column read', 'SELECT id FROM public.orders', 'every column that the server records is in the facts'],
    [
      'a column read in WHERE',
      "SELECT 1 FROM public.orders WHERE note = 'x'",
      'every column that the server records is in the facts',
    ],
    ['a function called', 'SELECT public.fmt_eur(1)', 'every function that the server records is in the facts'],
  ]
  test.each(seen)('P11: %s', async (_, sql, law) => {
    expect(await laws(sql, harmless(factsOf(sql).tag))).toContain(law)
  })

  test('P11: a row written by a trigger, a cascade or a rule', async () => {
    const sql = 'DELETE FROM public.customers WHERE id = 1'
    const facts = factsOf(sql)
    const named = {
      ...facts,
      uses: facts.uses.filter(use => use.kind !== 'relation' || use.relation.name === 'customers'),
    }
    expect(await laws(sql, { ...named, uses: named.uses.filter(use => use.effect !== 'unknown') })).toContain(
      'every relation that is written is in the facts as written',
    )
  })

  test('a tag, labels and origins that are not the server’s', async () => {
    const sql = 'SELECT k FROM public.settings'
    const facts = factsOf(sql)
    expect(await laws(sql, { ...facts, tag: 'INSERT' })).toContain('the tag is that of the server')
    const output = { name: 'k', origins: [], lineage: 'computed' } as const
    expect(await laws(sql, { ...facts, outputs: [output] })).toContain('the origin of a result column is in the facts')
    expect(await laws(sql, { ...facts, outputs: [{ ...output, name: 'x' }] })).toContain(
      'the labels of a result are those in the facts',
    )
  })

  test('nothing is left behind for what comes next', async () => {
    const facts = factsOf('SELECT count(*) FROM public.settings')
    expect(await laws('SELECT count(*) FROM public.settings', facts)).toEqual([])
    const [row] = await server.exec('SELECT count(*)::int AS n FROM public.settings', 'shop_thrown_away')
    expect(row).toEqual({ n: 3 })
  })
})

test('what breaks a law is made small', async () => {
  const fails = async (text: string): Promise<boolean> => /delete/.test(text)
  const small = await shrink('with x as (select 1), y as (delete from t where (a = 1) returning *) select * from x', {
    fails,
    attemptsMax: 500,
  })
  expect(small).toBe('delete')
})
