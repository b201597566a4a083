import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { environmentOf, programPath, run } from './programs.ts'

const PIPELINE = `\\set aid random(1, 100000 * :scale)
\\startpipeline
begin;
select abalance from pgbench_accounts where aid = :aid;
update pgbench_accounts set abalance = abalance + 1 where aid = :aid;
commit;
\\endpipeline
`
const SETTINGS = `\\set n random(1, 5)
select :n + 1 as m \\gset
\\if :m > 3
select 1 as big;
\\else
select 1 as small\\; select 2 as more;
\\endif
`

const FINGERPRINT = `select jsonb_build_object(
  'tables', (select jsonb_agg(relname || ' ' || relkind::text || ' ' || relpersistence::text || ' ' || coalesce(reloptions::text, '') order by relname)
               from pg_class where relname like 'pgbench%'),
  'accounts', (select jsonb_build_array(count(*), sum(aid), sum(abalance)) from pgbench_accounts),
  'tellers', (select jsonb_build_array(count(*), sum(tid), sum(tbalance)) from pgbench_tellers),
  'branches', (select jsonb_build_array(count(*), sum(bid), sum(bbalance)) from pgbench_branches),
  'history', (select jsonb_build_array(count(*), sum(delta)) from pgbench_history)) as found`

let world: GovernedServer
let scripts: { readonly pipeline: string; readonly settings: string }
beforeAll(async () => {
  world = await startGovernedServer({ major: 16 })
  scripts = { pipeline: join(world.dir, 'pipeline.sql'), settings: join(world.dir, 'settings.sql') }
  await writeFile(scripts.pipeline, PIPELINE)
  await writeFile(scripts.settings, SETTINGS)
})
afterAll(() => world.stop())

const pgbench = (route: Route, ...args: readonly string[]) => run(programPath('pgbench'), args, environmentOf(route))

const fingerprint = async (): Promise<unknown> => (await world.server.exec(FINGERPRINT))[0]?.['found']

test.each([
  ['client side, with keys and a vacuum', ['-i', '-q', '--foreign-keys']],
  ['server side, partitioned, unlogged', ['-i', '-q', '-I', 'dtGvp', '--partitions=3', '--unlogged-tables']],
])('pgbench -i makes the same tables: %s', async (_, args) => {
  const made: unknown[] = []
  for (const route of [world.direct, world.governed]) {
    await world.reset()
    const { code, stderr } = await pgbench(route, ...args)
    expect([code, stderr]).toEqual([0, expect.stringContaining('done in')])
    made.push(await fingerprint())
  }
  expect(made[1]).toEqual(made[0])
  expect(made[0]).toMatchObject({ accounts: [100_000, 5_000_050_000, 0] })
})

describe('pgbench, with a seed,', () => {
  beforeAll(async () => {
    await world.reset()
    await pgbench(world.governed, '-i', '-q')
  })

  const runs: readonly (readonly [string, readonly string[]])[] = ['simple', 'extended', 'prepared'].flatMap(mode => [
    [`tpcb-like, ${mode}`, ['-M', mode, '-b', 'tpcb-like', '-t', '30']] as const,
    [`simple-update, ${mode}`, ['-M', mode, '-b', 'simple-update', '-t', '30']] as const,
    [`select-only, ${mode}`, ['-M', mode, '-b', 'select-only', '-t', '200']] as const,
  ])

  test.each(runs)('does the same work: %s', async (_, args) => {
    const before = await totals()
    const moved: unknown[] = []
    for (const route of [world.direct, world.governed]) {
      const from = await totals()
      // One client, so that the same seed makes the same transactions in the same order.
      const { code, stdout } = await pgbench(route, '-n', '-c', '1', '--random-seed=42', ...args)
      expect(code).toBe(0)
      expect(stdout).toMatch(/number of failed transactions: 0 /)
      const to = await totals()
      moved.push(to.map((value, i) => value - (from[i] ?? 0)))
    }
    expect(moved[1]).toEqual(moved[0])
    expect((await totals())[0]).toBe((before[0] ?? 0) + (args.includes('select-only') ? 0 : 60))
  })

  test.each(['extended', 'prepared'])('pipelines, %s, several clients at once', async mode => {
    const args = ['-n', '-M', mode, '-c', '3', '-j', '2', '-t', '40', '-f']
    const [updates] = [await updatesSoFar()]
    const { code, stdout } = await pgbench(world.governed, ...args, scripts.pipeline)
    expect([code, stdout]).toEqual([0, expect.stringContaining('number of transactions actually processed: 120/120')])
    expect((await updatesSoFar()) - updates).toBe(120)
  })

  test('\\gset, \\if and several statements in one text', async () => {
    for (const route of [world.direct, world.governed]) {
      const { code, stdout } = await pgbench(route, '-n', '-c', '2', '-t', '20', '-f', scripts.settings)
      expect([code, stdout]).toEqual([0, expect.stringContaining('number of transactions actually processed: 40/40')])
    }
  })
})

/** Entries of the history, and what all accounts, tellers and branches hold. */
async function totals(): Promise<readonly number[]> {
  const [row] = await world.server.exec(`select (select count(*) from pgbench_history) as h,
    (select sum(abalance) from pgbench_accounts) as a, (select sum(tbalance) from pgbench_tellers) as t,
    (select sum(bbalance) from pgbench_branches) as b`)
  return Object.values(row ?? {}).map(Number)
}

const updatesSoFar = async (): Promise<number> => {
  const [row] = await world.server.exec('select sum(abalance) as n from pgbench_accounts')
  return Number(row?.['n'])
}
