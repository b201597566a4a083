import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from '../classify.ts'
import { MAJORS } from '../engine.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { bindNames } from './bind.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog({ major: 18 })
function understood(text: string) {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts
}
/** `role relation.column`, each once, in order. */
const columnsOf = (text: string): readonly string[] => [
  ...new Set(understood(text).columns.map(({ role, schema, name, column }) => `${role} ${schema}.${name}.${column}`)),
]
const short = (text: string): string => columnsOf(text).join(', ').replaceAll('public.', '')
const outputsOf = (text: string): string | null =>
  understood(text)
    .outputs?.map(
      ({ name, lineage, origins }) =>
        `${name}: ${lineage} ${origins.map(each => `${each.name}.${each.column}`).join(' ')}`,
    )
    .join(', ') ?? null

describe('columns of statements that write', () => {
  test.each([
    [
      'insert into orders (id, note) select id, ssn from customers',
      'target orders.id, target orders.note, set customers.id, set customers.ssn',
    ],
    [
      'insert into customers select * from customers where id = 1',
      'target customers.id, target customers.name, target customers.email, target customers.ssn, set customers.id, set customers.name, set customers.email, set customers.ssn, predicate customers.id',
    ],
    [
      "insert into orders (id) values (1) on conflict (id) where status = 'x' do update set note = excluded.note || orders.status where orders.total > 1 returning note",
      'target orders.id, predicate orders.id, predicate orders.status, target orders.note, set orders.note, set orders.status, predicate orders.total, returning orders.note',
    ],
    [
      'update orders set note = (select ssn from customers c where c.id = customer_id) where id = 1',
      'target orders.note, predicate customers.id, predicate orders.customer_id, set customers.ssn, predicate orders.id',
    ],
    [
      'update orders o set (note, status) = (select c.ssn, c.name from customers c) from customers d where d.id = o.id',
      'target orders.note, set customers.ssn, set customers.name, target orders.status, predicate customers.id, predicate orders.id',
    ],
    [
      'delete from orders using customers c where customer_id = c.id returning c.ssn',
      'predicate orders.customer_id, predicate customers.id, returning customers.ssn',
    ],
    [
      'merge into orders o using customers c on o.id = c.id when matched and c.email is null then update set note = c.ssn when not matched by source and status is null then delete when not matched then insert (id) values (c.id)',
      'join orders.id, join customers.id, predicate customers.email, target orders.note, set customers.ssn, predicate orders.status, target orders.id, set customers.id',
    ],
    ['copy customers (id, ssn) to stdout', 'output customers.id, output customers.ssn'],
    ["copy customers (name) from stdin where name <> 'x'", 'target customers.name, predicate customers.name'],
    [
      'copy (select email from customers where ssn is null) to stdout',
      'output customers.email, predicate customers.ssn',
    ],
    [
      'with d as (delete from customers where ssn is null returning email, id) select id from d',
      'predicate customers.ssn, returning customers.email, output customers.id, returning customers.id',
    ],
  ])('%s', (text, expected) => {
    expect([...short(text).split(', ')].sort()).toEqual([...expected.split(', ')].sort())
  })

  test('old and new rows in RETURNING, under names of their own too', () => {
    const text = 'update customers set ssn = name returning with (old as before) before.ssn, new.email, old.id'
    expect(outputsOf(text)).toBe('ssn: copy customers.ssn, email: copy customers.email, id: copy customers.id')
  })
})

describe('queries inside of other statements', () => {
  test.each([
    'create table t as select name from customers where ssn is null',
    'create view v as select name from customers where ssn is null',
    'create materialized view v as select name from customers where ssn is null',
    'select name into t from customers where ssn is null',
    'declare c cursor for select name from customers where ssn is null',
    'prepare p as select name from customers where ssn is null',
    'explain select name from customers where ssn is null',
    'create rule r as on update to orders do also select name from customers where ssn is null',
    'create function f() returns text language sql begin atomic select name from customers where ssn is null; end',
  ])('%s', text => {
    expect(columnsOf(text)).toEqual(
      expect.arrayContaining(['output public.customers.name', 'predicate public.customers.ssn']),
    )
  })

  test.each([
    ['create index i on customers (lower(ssn)) where email is null', ['ssn', 'email']],
    ['create policy p on customers using (ssn is null) with check (email is null)', ['ssn', 'email']],
    [
      'create trigger t before update on customers for each row when (old.ssn <> new.email) execute function f()',
      ['ssn', 'email'],
    ],
    ['alter table customers alter column name type text using ssn || email', ['ssn', 'email']],
  ])('%s', (text, columns) => {
    expect(columnsOf(text)).toEqual(columns.map(column => `predicate public.customers.${column}`))
  })
})

describe('N1: a name that may mean several things is reported for each', () => {
  test.each([
    ['select ssn from nosuch, lateral (select 1) x', 'output nosuch.ssn'],
    ['select (select ssn from nosuch limit 1) from customers', 'output nosuch.ssn, output customers.ssn'],
    ['select (select ssn from wipe() w limit 1) from customers', 'output customers.ssn'],
    ['select n from nosuch n', 'output nosuch.n, output nosuch.*'],
    ['select nosuch.* from nosuch', 'output nosuch.*'],
    [
      'select email from customers natural join nosuch',
      'join customers.id, join customers.name, join customers.email, join customers.ssn, join nosuch.*, output customers.email',
    ],
    ['select gone from customers', 'output customers.gone'],
    [
      'select c.full_name from customers c',
      'output customers.full_name, output customers.id, output customers.name, output customers.email, output customers.ssn',
    ],
    ['select id from crm.contacts, customers', 'output crm.contacts.id, output customers.id'],
    ['select relname from pg_catalog.pg_class c', 'output pg_catalog.pg_class.relname'],
  ])('%s', (text, expected) => {
    expect([...short(text).split(', ')].sort()).toEqual([...expected.split(', ')].sort())
  })

  test('a WITH query hides a relation, but not from its schema, and not where it is written to', () => {
    expect(short('with customers as (select note as ssn from orders) select ssn from customers')).toBe(
      'output orders.note',
    )
    expect(short('with customers as (select note as ssn from orders) select ssn from public.customers')).toBe(
      'output orders.note, output customers.ssn',
    )
    expect(short('with customers as (select 1) update customers set ssn = email')).toBe(
      'target customers.ssn, set customers.email',
    )
  })

  test('pg_catalog goes before the search path', () => {
    expect(short('select id from pg_class')).toBe('output pg_catalog.pg_class.id')
    expect(short('select id from public.pg_class')).toBe('output pg_class.id')
  })
})

describe('T6: lineage that is not known is never narrower', () => {
  test.each([
    ['select wipe(name) from customers', 'wipe: unknown customers.name'],
    ["select name === 'x' as o from customers", 'o: unknown customers.name'],
    ['select name::checked_text as o from customers', 'o: unknown customers.name'],
    ['select f.a from wipe() f (a)', 'a: unknown '],
    ['select x.ssn from nosuch x', 'ssn: unknown nosuch.ssn'],
    ['explain select ssn from customers', 'QUERY PLAN: unknown '],
  ])('%s', (text, expected) => {
    expect(outputsOf(text)).toBe(expected)
  })

  test.each(['select * from nosuch', 'select * from wipe()', 'select (wipe()).*', 'select 1 into t', 'begin'])(
    '%s',
    text => {
      expect(understood(text).outputs).toBeNull()
    },
  )

  test('what gives names a meaning that nobody knows makes all outputs unknown', () => {
    const places = { of: () => ({ start: 0, end: 1 }), whole: { start: 0, end: 1 } }
    const select = (type: string) => ({
      type: 'SelectStmt',
      body: {
        targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ String: { sval: 'ssn' } }] } } } }],
        fromClause: [{ RangeVar: { relname: 'customers' } }, { [type]: { relname: 'orders' } }],
      },
    })
    expect(bindNames(select('RangeVar'), catalog, places)?.outputs).toMatchObject([{ lineage: 'copy' }])
    expect(bindNames(select('RangeNewFangled'), catalog, places)?.outputs).toMatchObject([{ lineage: 'unknown' }])
  })

  test('T5: names that lead to too many values are refused', () => {
    const star = `select ${Array(30_000).fill('*').join(', ')} from customers`
    const facts = classifier.classify({ dialect: 'postgres', text: star, params: [] }, catalog)
    expect(facts).toMatchObject({ kind: 'opaque', code: 'TOO_COMPLEX' })
  })
})
