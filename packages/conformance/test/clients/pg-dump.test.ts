import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresMajor } from '@querywarden/dev-servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GovernedServer, type Route, startGovernedServer } from './governed-server.ts'
import { environmentOf, programPath, run } from './programs.ts'
import { RICH_SCHEMA } from './rich-schema.ts'

const POLICY = `version: 1
rules:
  - id: everything
    decision: allow
    what: { effects: [read, write, ddl, dcl, session, transaction, procedural, maintenance, external] }
  - id: the-rest
    decision: allow
    who: { groups: [trusted] }
    what: { effects: [unknown] }
masks:
  - { columns: ["*.customers.email"], with: redact, unless: { groups: [trusted] } }
`

let world: GovernedServer
let major: PostgresMajor
beforeAll(async () => {
  // pg_dump reads servers that aren't newer than itself.
  const { stdout } = await run(programPath('pg_dump'), ['--version'], {})
  const own = Number(/ (\d+)\./.exec(stdout)?.[1])
  major = own >= 18 ? 18 : own === 17 ? 17 : own === 16 ? 16 : 15
  world = await startGovernedServer({ major, schema: RICH_SCHEMA, policy: POLICY, settings: { wal_level: 'logical' } })
})
afterAll(() => world.stop())

/** A dump's text without the key that is new in each. */
const withoutKey = (text: string): string => text.replaceAll(/^\\(un)?restrict .*\n/gm, '')

async function dumped(route: Route, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(programPath('pg_dump'), args, environmentOf(route))
  expect([code, stderr]).toEqual([0, ''])
  return withoutKey(stdout)
}

test.each([
  ['everything', []],
  ['the schema', ['--schema-only']],
  ['data', ['--data-only']],
  ['one schema', ['--schema=public']],
  ['a whole database with its creation', ['--create', '--clean', '--if-exists']],
  ['without row security', ['--enable-row-security', '--no-owner', '--no-privileges']],
])('pg_dump gives the same text: %s', async (_, args) => {
  const direct = await dumped(world.direct, ...args)
  expect(await dumped(world.trusted, ...args)).toBe(direct)
  expect(direct).toContain('PostgreSQL database dump complete')
})

test('pg_dump gives the same text: data by INSERT, whose rows it reads by a cursor', async () => {
  const args = ['--data-only', '--column-inserts', '--rows-per-insert=3']
  expect(await dumped(world.trusted, ...args)).toBe(await dumped(world.direct, ...args))
})

test('pg_dump of tables by name is refused: it would put the search path back', async () => {
  const { code, stderr } = await run(programPath('pg_dump'), ['--table=public.orders'], environmentOf(world.trusted))
  expect([code, stderr]).toEqual([1, expect.stringContaining('the setting `search_path` is pinned')])
})

test.each(['custom', 'directory', 'tar'])('a dump in format %s restores to the same database', async format => {
  const direct = await dumped(world.direct)
  const dir = await mkdtemp(join(world.dir, 'dump-'))
  const file = join(dir, 'dump')
  const jobs = format === 'directory' ? ['--jobs=2'] : []
  await dumped(world.trusted, `--format=${format}`, `--file=${file}`, ...jobs)
  const restored = { ...world.direct, database: `restored_${format}` }
  await world.server.exec(`create database ${restored.database}`, 'postgres')
  const args = ['--dbname', restored.database, '--exit-on-error', ...jobs, file]
  const { code, stderr } = await run(programPath('pg_restore'), args, environmentOf(world.direct))
  expect([code, stderr]).toEqual([0, ''])
  expect(await dumped(restored)).toBe(direct)
  if (format === 'directory') expect((await readdir(file)).length).toBeGreaterThan(3)
})

test('a plain dump is restored through the gateway by psql', async () => {
  await world.reset()
  const before = await dumped(world.direct)
  const script = (await run(programPath('pg_dump'), ['--clean', '--if-exists'], environmentOf(world.direct))).stdout
  // \restrict would end the script where psql doesn't know it yet.
  const psql = await run(programPath('psql'), ['-X', '-q', '-f', '-'], environmentOf(world.trusted), withoutKey(script))
  expect([psql.code, psql.stderr]).toEqual([0, ''])
  expect(await dumped(world.direct)).toBe(before)
})

test('pg_restore writes through the gateway', async () => {
  await world.reset()
  const before = await dumped(world.direct)
  const file = join(world.dir, 'whole.dump')
  await dumped(world.direct, '--format=custom', `--file=${file}`)
  const args = ['--clean', '--if-exists', '--exit-on-error', '--dbname', 'app', file]
  const { code, stderr } = await run(programPath('pg_restore'), args, environmentOf(world.trusted))
  expect([code, stderr]).toEqual([0, ''])
  expect(await dumped(world.direct)).toBe(before)
})

test('a dump needs a rule for unknown, as it reads more than the schema', async () => {
  const { code, stderr } = await run(programPath('pg_dump'), [], environmentOf(world.governed))
  expect([code, stderr]).toEqual([1, expect.stringContaining('statement refused: no rule allows this')])
})

test('what is masked is masked in a session without a search path, too', async () => {
  const file = join(world.dir, 'copied.csv')
  const empty = "select pg_catalog.set_config('search_path', '', false)"
  const copy = `\\copy (select name, email from public.customers order by id limit 2) to '${file}' csv`
  const args = ['-X', '-c', empty, '-c', copy]
  const { code } = await run(programPath('psql'), args, environmentOf(world.governed))
  expect([code, await readFile(file, 'utf8')]).toEqual([0, 'name 1,[redacted]\nname 2,[redacted]\n'])
})
