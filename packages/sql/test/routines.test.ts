import type { PostgresServer } from '@querywarden/dev-servers'
import type { Catalog, Facts, Use } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { openAdversarialDatabase } from './adversarial-database.ts'
import { HIDING_CODE } from './code-of-attacks.ts'

const lineOf = (use: Use): string => {
  const by = use.via === undefined ? '' : ` by ${use.via.kind} ${use.via.name}`
  switch (use.kind) {
    case 'relation': {
      const columns = use.via === undefined ? '' : `(${use.relation.columns.map(({ name }) => name).join(' ')})`
      const { schema, name } = use.relation
      return `${use.effect} ${use.access} ${schema}.${name}${columns}${use.unbounded ? ' unbounded' : ''}${by}`
    }
    case 'function':
      return `${use.effect} call ${use.function}${by}`
    case 'statement':
      return `${use.effect}${by}`
  }
}

const linesOf = (facts: Facts): readonly string[] =>
  facts.kind === 'opaque' ? [facts.code] : [...new Set(facts.uses.map(lineOf))].sort()

/** What purge_cancelled does, which most of the hiding code calls. */
const purges = (by: string): readonly string[] => [
  `write delete public.order_items() by ${by}`,
  `write delete public.orders(status) by ${by}`,
]
const calls = (name: string, ...more: readonly string[]): readonly string[] =>
  [`procedural call ${name}`, ...more.map(line => `${line} by function ${name}`)].sort()
const callPurges = (name: string): readonly string[] =>
  [`procedural call ${name}`, ...purges(`function ${name}`)].sort()

describe.each([15, 18] as const)('code of the database, by PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  let classifier: PostgresClassifier
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const opened = await openAdversarialDatabase(HIDING_CODE, major)
    server = opened.server
    catalog = opened.catalog
  }, 120_000)
  afterAll(async () => server?.stop())

  const factsOf = (text: string): Facts => classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  const lines = (text: string): readonly string[] => linesOf(factsOf(text))
  const unknown = (name: string): readonly string[] => [`unknown call ${name}`]

  test.each([
    'in_default',
    'in_for',
    'in_raise',
    'in_raise_using',
    'in_assert',
    'in_subscript',
    'in_loop_bound',
    'in_exit',
    'in_case',
    'in_foreach',
    'in_using',
    'nested_3',
    'nested_2',
    'nested_1',
    'defaulted',
  ])('T3: a function that calls another in a hidden place does what that does: %s', name => {
    expect(lines(`select lab.${name}()`)).toEqual(callPurges(`lab.${name}`))
  })

  test.each([
    ['by_concat', 'write delete public.settings() unbounded'],
    ['in_handler', 'write delete public.settings() unbounded'],
    ['in_block', 'write delete public.settings() unbounded'],
    ['in_return_query', 'write delete public.settings() unbounded'],
    ['atomic', 'write delete public.settings() unbounded'],
    ['with_path', 'write delete crm.contacts() unbounded'],
    ['calls_with_path', 'write delete crm.contacts() unbounded'],
    ['in_domain', 'write delete public.settings() unbounded'],
  ])('T3: a body is read: %s', (name, line) => {
    expect(lines(`select lab.${name}()`)).toEqual(calls(`lab.${name}`, line))
  })

  test.each([
    'by_format',
    'by_variable',
    'in_handler_dynamic',
    'in_record_default',
    'in_row_default',
    'in_open',
    'with_user_path',
    'with_late_path',
    'with_replica',
  ])('T3: what is not known before it runs is unknown: %s', name => {
    expect(
      lines(`select lab.${name}('x')`.replace(/'x'(?=\))/, /by_format|handler_dynamic/.test(name) ? "'x'" : '')),
    ).toContain(`unknown call lab.${name}`)
  })

  test('T3: a cursor that is opened and closed is a read of what it selects, and an act on the session', () => {
    expect(lines('select lab.in_cursor()')).toEqual(
      [...callPurges('lab.in_cursor'), 'session by function lab.in_cursor'].sort(),
    )
  })

  test('T3: functions that call each other are followed to the end', () => {
    const deletes = 'write delete public.settings(k)'
    expect(lines('select lab.even(3)')).toEqual(calls('lab.even', deletes))
    expect(lines('select lab.odd(3)')).toEqual(calls('lab.odd', deletes))
    expect(lines('select lab.even(3)')).toEqual(calls('lab.even', deletes))
  })

  test('N1: names in a body mean what they mean under its own search path, and those that it calls inherit it', () => {
    expect(lines('select lab.called_with_path()')).toEqual(unknown('lab.called_with_path'))
    expect(lines('select lab.with_timeout()')).toEqual(['read'])
  })

  test.each(['select lab.sets_path()', 'select lab.sets_config()'])(
    'N2: a function that changes a pinned setting is prohibited like the change itself: %s',
    text => {
      const facts = factsOf(text)
      expect(facts.kind === 'understood' && facts.prohibitions.map(({ code }) => code)).toEqual(['PINNED_SETTING'])
    },
  )

  test('T3: of overloads those that fit the number of arguments count, all of them', () => {
    expect(lines('select over(1)')).toEqual(['read'])
    expect(lines('select over(1, 2, $$x$$)')).toEqual(['read'])
    expect(lines('select over(1, 2)')).toEqual(calls('public.over', 'write delete public.settings(k)'))
    expect(lines('select over(b => 1, a => 2)')).toEqual(calls('public.over', 'write delete public.settings(k)'))
    expect(lines('select over(1, 2, 3, 4)')).toEqual(unknown('over'))
    const all = calls('public.many', 'write delete public.feedback() unbounded')
    expect(lines('select many(1)')).toEqual(all)
    expect(lines('select many(1, 2, 3)')).toEqual(all)
    expect(lines('select many(variadic array[1, 2])')).toEqual(all)
    expect(lines('select mixed(1)')).toEqual(calls('public.mixed', 'write delete public.feedback() unbounded'))
    expect(lines('select @@@ 1')).toContain('write delete public.feedback(body) unbounded by operator @@@')
  })

  test('T5: what one statement sets off is followed so far, however it is split', () => {
    const links = (count: number): string => Array.from({ length: count }, (_, i) => `lab.link_${i}()`).join()
    expect(lines(`select ${links(5)}`)).toEqual(['read'])
    expect(lines(`select ${links(40)}`)).toEqual(['unknown'])
  })

  test('a call is classed by what the function does', () => {
    const classOf = (text: string) => {
      const facts = factsOf(text)
      return facts.kind === 'understood' && facts.calls.map(call => [call.name, call.class])
    }
    expect(classOf('select fmt_eur(1), mixed(1), lower(masked_ref(1)), run_sql($$x$$), drop_feedback()')).toEqual([
      ['public.fmt_eur', 'pure'],
      ['public.mixed', 'write'],
      ['pg_catalog.lower', 'pure'],
      ['public.masked_ref', 'reads-rows'],
      ['public.run_sql', 'unknown'],
      ['public.drop_feedback', 'ddl'],
    ])
  })

  test('N1: quoted names are names', () => {
    const name = 'lab.Ünï "code"'
    expect(lines('select lab."Ünï ""code"""()')).toEqual(calls(name, 'write delete public.settings() unbounded'))
    expect(lines('select lab.U&"\\00dcn\\00ef ""code"""()')).toEqual(lines('select lab."Ünï ""code"""()'))
    expect(lines('select LAB.IN_BLOCK()')).toEqual(lines('select lab.in_block()'))
  })

  test('T3: a label is no proof: what is declared immutable is read like any other', () => {
    expect(lines('select frozen_ref(1)')).toEqual([
      'read call public.frozen_ref',
      'read select public.customers(id ssn) by function public.frozen_ref',
    ])
    expect(lines('select fmt_eur(1)')).toEqual(['read'])
  })

  test('T3: aggregates, operators, casts, domains and parameters run code', () => {
    const wipes = 'write delete public.settings() unbounded'
    expect(lines('select lab.total(id) from orders')).toEqual(
      [...calls('lab.total', wipes), 'read select public.orders'].sort(),
    )
    expect(lines("select 'SKU-MUG' operator(public.+!) 5")).toEqual([
      'procedural call public.bump_stock by operator public.+!',
      'write update public.products(sku stock) by operator public.+!',
    ])
    expect(lines("select 'x'::lab.checked")).toEqual([
      'procedural call lab.checks by cast lab.checked',
      `${wipes} by cast lab.checked`,
    ])
    expect(lines("select lab.in_parameter('x')")).toEqual(calls('lab.in_parameter', wipes))
  })

  test('T3: a row is handed to a function by a dot, too', () => {
    expect(lines('select c.tag from customers c')).toEqual(['read select public.customers'])
    expect(lines('select (c).tag from customers c')).toEqual(['read select public.customers'])
  })

  test('T4: a WHERE that names a variable is no bound; one that compares with it is', () => {
    const [bounded, unbounded] = ['write delete public.settings(k)', 'write delete public.settings(k) unbounded']
    expect(lines("select lab.by_variable_name('x')")).toEqual(calls('lab.by_variable_name', unbounded))
    expect(lines('select lab.by_flag(true)')).toEqual(calls('lab.by_flag', unbounded.replace('(k)', '()')))
    expect(lines("select lab.by_parameter('x')")).toEqual(calls('lab.by_parameter', bounded))
  })

  test('L1: a function’s reads are of the columns that it names, and of no other', () => {
    expect(lines('select lab.reads_masked(1)')).toEqual([
      'read call lab.reads_masked',
      'read select public.customers(id name) by function lab.reads_masked',
    ])
  })

  test('L1: a row variable is filled by a read of the whole row', () => {
    const facts = factsOf('select lab.with_row()')
    const read = facts.kind === 'understood' ? facts.uses.filter(use => use.kind === 'relation') : []
    expect(read.map(({ relation }) => [relation.name, relation.columns.length])).toEqual([['customers', 11]])
    expect(lines('select lab.with_row()')).toContain('read call lab.with_row')
  })

  test('T3: DO and CALL are read like bodies', () => {
    expect(lines("do $$ begin execute 'delete from settings'; end $$")).toEqual([
      'procedural',
      'write delete public.settings() unbounded by function DO',
    ])
    expect(lines("do $$ begin execute format('%s', 1); end $$")).toEqual(['procedural', 'unknown by function DO'])
    expect(lines("do language sql 'delete from settings'")).toEqual(['procedural', 'unknown by function DO'])
    expect(lines('do $$ begin commit; end $$')).toEqual(['procedural', 'transaction by function DO'])
    expect(lines('call lab.commits()')).toEqual([
      'procedural',
      'procedural call lab.commits',
      'transaction by function lab.commits',
    ])
    expect(lines('call lab.nothing()')).toEqual(['procedural', 'unknown call lab.nothing'])
  })

  test('T3: a view runs what it calls', () => {
    expect(lines('select * from lab.calling')).toEqual(
      [...callPurges('lab.nested_2'), 'read select lab.calling'].sort(),
    )
    expect(lines('select * from lab.formatting')).toEqual(['read select lab.formatting'])
  })

  test('T3: a body is not run where it is only created or planned', () => {
    const create = "create function lab.f() returns int language sql as 'delete from settings returning 1'"
    expect(lines(create)).toEqual(['ddl'])
    expect(lines('explain select purge_cancelled()')).toEqual(['read'])
    expect(lines('explain analyze select purge_cancelled()')).toEqual(callPurges('public.purge_cancelled'))
    expect(lines('explain (analyze, analyze false) select purge_cancelled()')).toEqual(['read'])
    // One that is declared immutable is computed while planning.
    expect(lines('explain select lab.nested_1()')).toContain('procedural call lab.nested_1')
    expect(lines('explain delete from settings')).toEqual(['read delete public.settings'])
  })

  test('T3: what a body writes to sets off what it has', () => {
    expect(lines('insert into lab.watched values (1)')).toEqual(
      ['write insert lab.watched', ...purges('trigger lab.watched.fires')].sort(),
    )
    expect(lines('copy lab.watched from stdin')).toEqual(
      ['write copy lab.watched', 'write insert lab.watched', ...purges('trigger lab.watched.fires')].sort(),
    )
    expect(lines('do $$ begin insert into lab.watched values (1); end $$')).toEqual(
      ['procedural', 'write insert lab.watched() by function DO', ...purges('function DO')].sort(),
    )
  })
})
