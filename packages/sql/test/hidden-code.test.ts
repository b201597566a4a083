import type { PostgresServer } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { openAdversarialDatabase } from './adversarial-database.ts'

/** Ways to run `lab.wipe()` that name neither it nor anything that the text shows to call it. */
const WIPING: readonly string[] = [
  'create schema lab',
  `create function lab.wipe() returns int language plpgsql as $$ begin delete from public.settings where k = 'x'; return 1; end $$`,
  `create function public.lower(x text) returns text language sql as 'select lab.wipe()::text'`,
  'create procedure public.now(out x text) language plpgsql as $$ begin perform lab.wipe(); end $$',
  'create table lab.t (id int)',
  `create function lab.to_text(lab.t) returns text language plpgsql as $$ begin perform lab.wipe(); return 'x'; end $$`,
  'create cast (lab.t as text) with function lab.to_text(lab.t) as implicit',
  `create function public.wipe_text(text) returns int language sql as 'select lab.wipe()'`,
  `create function lab.by_field(p text) returns int language sql as 'select p.wipe_text'`,
  `create function lab.file(p text) returns text language sql as 'select p.pg_read_file'`,
  'create table lab.indexed (id int, n int)',
  'create function lab.key(int) returns int immutable language plpgsql as $$ begin return 1; end $$',
  'create index by_key on lab.indexed (lab.key(id))',
  'create or replace function lab.key(int) returns int immutable language plpgsql as $$ begin return lab.wipe(); end $$',
  'create function lab.fits(int) returns boolean language plpgsql as $$ begin perform lab.wipe(); return true; end $$',
  'create domain lab.fitting as int constraint c check (lab.fits(value))',
  'create table lab.plain (id int)',
  'create table lab.constant (id int)',
  'create function lab.five(int) returns int immutable language plpgsql as $$ begin return 5; end $$',
  'create index by_constant on lab.constant ((lab.five(5) + id))',
  'create or replace function lab.five(int) returns int immutable language plpgsql as $$ begin return lab.wipe(); end $$',
  'create function lab.wipes() returns trigger language plpgsql as $$ begin perform lab.wipe(); return new; end $$',
  'create table lab.named (concat text)',
  'create domain public.age as int check (lab.fits(value))',
  `create function lab.step(lab.fitting, int) returns lab.fitting language sql as 'select 1::lab.fitting'`,
]

describe.each([15, 18] as const)('code that nothing in the text points to, by PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  let classifier: PostgresClassifier
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const opened = await openAdversarialDatabase(WIPING, major)
    server = opened.server
    catalog = opened.catalog
  }, 120_000)
  afterAll(async () => server?.stop())

  const usesOf = (text: string): readonly string[] => {
    const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
    if (facts.kind === 'opaque') return [facts.code]
    return facts.uses.map(use =>
      use.kind === 'relation'
        ? `${use.effect} ${use.access} ${use.relation.schema}.${use.relation.name}`
        : use.kind === 'function'
          ? `${use.effect} ${use.function}`
          : use.effect,
    )
  }

  test.each([
    ['a named argument reaches past a built-in function', `select lower(x => 'A')`],
    ['an OUT argument reaches past a built-in function', 'call now(null)'],
    ['a cast of a whole row', 'select t::text from lab.t'],
    ['an implicit cast of a whole row', 'select length(t) from lab.t'],
    ['a field of a parameter that is no row', `select lab.by_field('x')`],
    ['a table that is written anew', 'alter table lab.indexed alter column n type bigint'],
    ['a column that becomes of a domain', 'alter table lab.plain alter column id type lab.fitting'],
    ['a new column of a domain', 'alter table lab.plain add column n lab.fitting default 1'],
    ['the check of a domain', 'alter domain lab.fitting validate constraint c'],
    [
      "an aggregate's first value",
      `create aggregate lab.steps(int) (sfunc = lab.step, stype = lab.fitting, initcond = '5')`,
    ],
    ['a type by the name of a built-in function', `select age('5')`],
    ['what an index computes, by the planner too', 'select id from lab.constant'],
    [
      'a trigger on a relation that is not there',
      'create trigger x before insert on pg_temp.log for each row execute function lab.wipes()',
    ],
    [
      'a trigger that a statement may be waiting for (N2)',
      'create trigger x before insert on lab.plain for each row execute function lab.wipes()',
    ],
    ['indexes of a schema', 'reindex schema lab'],
    ['statistics of everything', 'analyze'],
  ])('T3: %s', (_, text) => {
    expect(usesOf(text)).toContain('write delete public.settings')
  })

  test('F1: a field of a parameter may be a built-in function', () => {
    expect(usesOf(`select lab.file('PG_VERSION')`)).toContain('external pg_read_file')
  })

  test('L1: a row as a whole is mentioned by a function that is written like a column, whoever has one of the name', () => {
    const text = 'update public.customers c set name = c.concat from lab.named n where n.concat = $1'
    const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
    expect(facts.kind === 'understood' && facts.mentions).toContainEqual(
      expect.objectContaining({ name: '*', qualifier: ['c'] }),
    )
  })

  test('what runs nothing of the kind is none', () => {
    expect(usesOf(`select initcap('A'), now(), upper(id::text) from lab.plain`)).toEqual(['read select lab.plain'])
    expect(usesOf('alter table lab.plain alter column id type bigint')).toEqual(['ddl ddl lab.plain'])
    expect(usesOf('drop table lab.indexed')).toEqual(['ddl ddl lab.indexed'])
  })
})

describe('rows before and after, by PostgreSQL 18', () => {
  let server: PostgresServer
  let catalog: Catalog
  let classifier: PostgresClassifier
  const update = 'update hr.employees set dept = dept where id = 2 returning'
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const opened = await openAdversarialDatabase(
      [
        `create function public.was() returns text language sql as '${update} old::text'`,
        `create function public.was_as() returns text language sql as '${update} with (old as o) o::text'`,
        `create function public.was_named() returns text language sql as '${update} old.dept'`,
      ],
      18,
    )
    server = opened.server
    catalog = opened.catalog
  }, 120_000)
  afterAll(async () => server?.stop())

  test.each([
    ['was', true],
    ['was_as', true],
    ['was_named', false],
  ])('L1: what RETURNING gives of a row as a whole holds all of its columns: %s', (name, holdsAll) => {
    const facts = classifier.classify({ dialect: 'postgres', text: `select ${name}()`, params: [] }, catalog)
    const columns = facts.kind === 'opaque' ? [] : facts.uses.flatMap(use => (use.kind === 'relation' ? [use] : []))
    expect(
      columns.some(
        ({ relation }) => relation.name === 'employees' && relation.columns.some(c => c.name === 'bank_account'),
      ),
    ).toBe(holdsAll)
  })
})
