import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@querywarden/dev-servers'
import { loadCatalog, writeCatalog } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildCommand, querywarden } from './built-command.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const WORLD = `
create schema hr;
create type hr.name_t as (first text, last text);
create table hr.payments (id int, iban text, age int, at date) partition by range (at);
create table hr.payments_2024 partition of hr.payments for values from ('2024-01-01') to ('2025-01-01');
create table hr.people (id int primary key, ssn text unique, called hr.name_t, plain int, score int generated always as (plain * 2) stored);
create view hr.narrow ("The number") as select iban from hr.payments_2024;
create materialized view hr.deep as select "The number" as x from hr.narrow;
create table hr.refers (ssn text references hr.people (ssn));
create table hr.moves (who hr.people);
create function hr.f(int) returns int language plpgsql as 'begin return 1; end';
create view hr.calls as select hr.f(plain) as n from hr.people;
comment on column hr.people.ssn is 'Social security number. querywarden: pii.ssn';
comment on column hr.people.plain is 'querywarden: number';
comment on column hr.name_t.last is 'querywarden: pii.name';
`

const POLICY = `version: 1
rules:
  - { id: reads, decision: allow, what: { effects: [read] } }
masks:
  - { columns: [hr.payments.iban], with: { partial: { last: 4 } } }
  - { tags: [pii.*], with: hash, predicates: equality, lookups: { per-minute: 5, per-day: 50 }, unless: { groups: [hr] } }
  - { tags: [number], with: hash, predicates: equality }
  - { columns: [hr.name_t.first], with: redact, predicates: deny }
  - { tags: [no.such], with: redact }
  - { types: [inet, public.gone], with: redact }
`

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
  await buildCommand()
  const server = await startPostgres({ database: 'app' })
  await server.exec(WORLD)
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
  await writeFile(join(dir, 'app.catalog.json'), writeCatalog(await loadCatalog(query, { searchPath: ['public'] })))
  await client.end()
  await server.stop()
  await writeFile(join(dir, 'policy.yaml'), POLICY)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const OFFLINE = ['--policy', 'policy.yaml', '--catalog', 'app.catalog.json', '--target', 'app']
const explained = async (column: string, ...more: readonly string[]) =>
  querywarden(['policy', 'explain', ...OFFLINE, '--column', column, ...more], { cwd: dir, env: {} })

describe('policy explain --column', () => {
  test('P1: says by which path a materialized view of a view of a partition is masked', async () => {
    const { exit, out, err } = await explained('hr.deep.x')
    expect({ exit, err }).toEqual({ exit: 0, err: '' })
    expect(out).toBe(`hr.deep.x (text) is masked with partial (first 0, last 4)
  it shows    the first 0 and the last 4 characters of a value that is long enough
  predicates  on-mask: conditions, joins and sorts see the mask
  masks[0], columns hr.payments.iban, with partial (first 0, last 4): since it may show values of
    hr.payments.iban: materialized view of hr.narrow."The number", view of hr.payments_2024.iban, partition of hr.payments.iban
`)
  })

  test('P2: by a tag on what a foreign key refers to, and not for whom it is not', async () => {
    const { exit, out } = await explained('hr.refers.ssn', '--json')
    expect(exit).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      target: 'app',
      column: 'hr.refers.ssn',
      tags: ['pii.ssn'],
      masked: true,
      mask: 'hash',
      predicates: 'equality',
      lookups: { perMinuteMax: 5, perDayMax: 50 },
      entries: [
        {
          entry: 1,
          on: 'tags',
          patterns: ['pii.*'],
          by: [{ column: 'hr.people.ssn', tags: ['pii.ssn'], path: [{ kind: 'foreign key', to: 'hr.people.ssn' }] }],
        },
      ],
    })
    const other = await explained('hr.refers.ssn', '--as', 'ann', '--group', 'hr')
    expect(other).toMatchObject({ exit: 0 })
    expect(other.out).toBe(`hr.refers.ssn (text) is not masked
  it may also show values of
    hr.people.ssn (tagged pii.ssn): refers to hr.people.ssn
`)
  })

  test('an attribute of a composite type masks the columns of that type, and the rows that hold them', async () => {
    const { out } = await explained('hr.people.called')
    expect(out).toContain('hr.people.called (hr.name_t) is masked with redact')
    expect(out).toContain('predicates  deny: a statement that looks at it')
    expect(out).toContain('hr.name_t.first: row with hr.name_t.first, which is no relation here')
    const { out: moved } = await explained('hr.moves.who')
    expect(moved).toContain('hr.people.ssn (tagged pii.ssn): row with hr.people.ssn')
    expect(moved).toContain('NULL: redact has no value of the type hr.people')
  })

  test('a mask that has no value of the type, a column that shows itself only, and rows that can’t be followed', async () => {
    const { out } = await explained('hr.people.plain')
    expect(out).toContain('it shows    NULL: hash has no value of the type integer')
    expect(out).toContain('masks[2], tags number, with hash: by its tags')
    expect(out).toContain('equality: lookups by exact value find their rows, as many as anybody likes')
    expect((await explained('hr.people.score')).out).toContain('generated from hr.people.plain')
    expect((await explained('hr.people.id')).out).toBe(
      'hr.people.id (integer) is not masked\n  it shows no values but its own\n',
    )
    expect((await explained('hr.calls.n')).out).toContain(
      "its rows can't be followed: its definition uses function hr.f",
    )
  })

  test.each([
    [['--column', 'hr.people.snn'], 'there is no column hr.people.snn in the schema of target `app`'],
    [['--column', 'people.ssn'], '--column takes schema.relation.column'],
    [['--column', 'hr.*.ssn'], '--column takes schema.relation.column'],
    [['--column', 'hr.people.ssn', 'select 1'], 'give one of'],
  ])('%j is bad usage', async (args, message) => {
    const { exit, out, err } = await querywarden(['policy', 'explain', ...OFFLINE, ...args], { cwd: dir, env: {} })
    expect({ exit, out }).toEqual({ exit: 2, out: '' })
    expect(err).toContain(message)
  })
})

test('policy check says of tags and types that match nothing, of masks that show nothing, of lookups without a budget', async () => {
  const { exit, out } = await querywarden(
    ['policy', 'check', 'policy.yaml', '--catalog', 'app.catalog.json', '--target', 'app'],
    { cwd: dir, env: {} },
  )
  expect(exit).toBe(0)
  const told = out.split('\n').map(line => line.replace(/^.*: warning: target app: /, ''))
  expect(told).toEqual([
    'masks[2].with: hash shows hr.people.plain (integer) as NULL, since it has no such value of this type; so a lookup by equality finds nothing: use constant: "0", or null, which says so',
    'masks[2].predicates: equality without a budget goes around that of masks[1], which hashes with the same key: give this one lookups too, or a key of its own',
    'masks[4].tags[0]: no.such is the tag of no column of the database',
    'masks[5].types[0]: inet is the type of no column of the database',
    'masks[5].types[1]: public.gone is the type of no column of the database',
    '5 warnings',
    '',
  ])
})
