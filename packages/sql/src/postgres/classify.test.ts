import type { Facts } from '@querywarden/policy-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { usesOf } from '../../test/uses.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { MAJORS } from './engine.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 100, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog()
const factsOf = (text: string, of = catalog): Facts =>
  classifier.classify({ dialect: 'postgres', text, params: [] }, of)
const uses = (text: string, of = catalog): readonly string[] => usesOf(factsOf(text, of))
const understood = (text: string) => {
  const facts = factsOf(text)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts
}

const READ_ORDERS = 'read select public.orders'

describe('relations', () => {
  test.each([
    ['select 1', ['read']],
    ['select * from orders', [READ_ORDERS]],
    ['table public.orders', [READ_ORDERS]],
    ['select 1 from crm.contacts', ['read select crm.contacts']],
    ['select 1 from nowhere', ['unknown']],
    ['select 1 from contacts', ['unknown']],
    ['select 1 from other.public.orders', ['unknown']],
    ['select 1 from odd_view', ['read select public.odd_view', 'unknown']],
    ['select (select 1 from orders) from (values (1)) v', [READ_ORDERS]],
    ['select 1 where exists (select 1 from orders)', [READ_ORDERS]],
    ['values ((select max(id) from orders))', [READ_ORDERS]],
    [
      'select 1 from customers join (orders cross join crm.contacts) on true',
      ['read select crm.contacts', 'read select public.customers', READ_ORDERS],
    ],
    ['select 1 from customers c, lateral (select 1 from orders) o', ['read select public.customers', READ_ORDERS]],
    ['select 1 from U&"ord\\0065rs"', [READ_ORDERS]],
    ['select * from orders for update', [READ_ORDERS, 'write lock public.orders']],
    ['select * from (select * from orders) o for share of o', [READ_ORDERS, 'write']],
    ['lock orders', ['write lock public.orders']],
    [
      'truncate orders, customers',
      ['write truncate public.customers unbounded', 'write truncate public.orders unbounded'],
    ],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

describe('N1: system relations come first, and only those that show the schema are harmless', () => {
  test.each([
    ['select 1 from pg_class', ['read select pg_catalog.pg_class']],
    ['select 1 from public.pg_class', ['read select public.pg_class']],
    ['select 1 from information_schema.columns', ['read select information_schema.columns']],
    ['select 1 from pg_stats', ['unknown']],
    ['select 1 from pg_catalog.pg_statistic', ['unknown']],
    ['select 1 from pg_stat_activity', ['unknown']],
    ['select 1 from pg_toast.pg_toast_1234', ['unknown']],
    ['select 1 from information_schema.user_mapping_options', ['unknown']],
    ['delete from pg_class where oid = 1', ['unknown']],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

describe('WITH queries', () => {
  test.each([
    ['with orders as (select 1) select * from orders', ['read']],
    ['with orders as (select * from orders) select * from orders', [READ_ORDERS]],
    ['with a as (select 1), b as (select * from a) select * from b', ['read']],
    ['with b as (select * from a), a as (select 1) select * from b', ['unknown']],
    ['with recursive b as (select * from a), a as (select 1) select * from b', ['read']],
    ['with orders as (select 1) select * from public.orders', [READ_ORDERS]],
    ['with a as (with orders as (select 1) select * from orders) select * from orders', [READ_ORDERS]],
    ['with orders as (select 1) select (select count(*) from orders)', ['read']],
    ['with orders as (select 1) delete from orders where id in (select 1 from orders)', ['write delete public.orders']],
    [
      'with x as materialized (delete from orders where id = 1 returning *) select * from x',
      ['write delete public.orders'],
    ],
    [
      'with x as not materialized (update orders set note = null where id = 1 returning 1) select 1',
      ['write update public.orders'],
    ],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

describe('writes', () => {
  test.each([
    ['insert into orders values (1)', ['write insert public.orders']],
    ['insert into orders select * from customers', ['read select public.customers', 'write insert public.orders']],
    [
      'insert into orders values (1) on conflict (id) do update set note = excluded.note',
      ['write insert public.orders', 'write update public.orders'],
    ],
    ['insert into orders values (1) on conflict do nothing', ['write insert public.orders']],
    [
      'update orders set note = (select name from customers limit 1) where id = 1',
      ['read select public.customers', 'write update public.orders'],
    ],
    [
      'delete from orders using customers c where c.id = orders.customer_id',
      ['read select public.customers', 'write delete public.orders'],
    ],
    [
      'merge into orders o using customers c on o.id = c.id when matched then delete when not matched then insert values (1)',
      ['read select public.customers', 'write delete public.orders', 'write insert public.orders'],
    ],
    [
      'merge into orders o using customers c on true when matched then update set note = null',
      ['read select public.customers', 'write update public.orders unbounded'],
    ],
    ['select id into copy from orders', ['ddl', READ_ORDERS, 'write']],
    ['create table copy as select id from orders', ['ddl', READ_ORDERS, 'write']],
    ['copy orders to stdout', ['read copy public.orders']],
    ['copy orders from stdin', ['write copy public.orders', 'write insert public.orders']],
    ['copy (delete from orders returning 1) to stdout', ['write delete public.orders unbounded']],
    ["copy orders to '/tmp/x'", ['external', 'read copy public.orders']],
    ["copy orders from program 'id'", ['external', 'write copy public.orders', 'write insert public.orders']],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))

  test('rows over CopyData are said to be so', () => {
    expect(understood('copy orders from stdin').copy).toBe('in')
    expect(understood('copy (select 1) to stdout').copy).toBe('out')
    expect(understood("copy orders to '/tmp/x'").copy).toBeNull()
  })
})

describe('the rest of the language', () => {
  test.each([
    ['begin', 'BEGIN', ['transaction']],
    ['start transaction read only', 'START TRANSACTION', ['transaction']],
    ['commit and chain', 'COMMIT', ['transaction']],
    ["prepare transaction 'x'", 'PREPARE TRANSACTION', ['transaction', 'unknown']],
    ['set transaction read write', 'SET', ['transaction']],
    ['set session characteristics as transaction read write', 'SET', ['session']],
    ["set work_mem = '8MB'", 'SET', ['session']],
    ['show server_version', 'SHOW', ['read']],
    ['show app.tenant', 'SHOW', ['unknown']],
    ['create table fresh (id int)', 'CREATE TABLE', ['ddl']],
    ['drop table orders', 'DROP TABLE', ['ddl ddl public.orders']],
    ['drop table if exists orders, nowhere', 'DROP TABLE', ['ddl', 'ddl ddl public.orders']],
    ['drop trigger t on orders', 'DROP TRIGGER', ['ddl ddl public.orders']],
    ['alter table orders add x int default wipe()', 'ALTER TABLE', ['ddl ddl public.orders', 'unknown call wipe']],
    ['alter table orders owner to someone', 'ALTER TABLE', ['dcl', 'ddl ddl public.orders']],
    ['alter table orders rename column note to remark', 'ALTER TABLE', ['ddl ddl public.orders']],
    ['create view v as select * from customers', 'CREATE VIEW', ['ddl', 'read select public.customers']],
    ['create materialized view v as select 1 with no data', 'CREATE MATERIALIZED VIEW', ['ddl']],
    ['create index on orders (lower(note))', 'CREATE INDEX', ['ddl ddl public.orders', 'unknown call lower']],
    ["create function f() returns int language sql as 'select 1'", 'CREATE FUNCTION', ['ddl']],
    [
      'create trigger t after insert on orders execute function f()',
      'CREATE TRIGGER',
      ['ddl ddl public.orders', 'unknown call f'],
    ],
    [
      'create rule r as on insert to orders do also delete from customers',
      'CREATE RULE',
      ['ddl ddl public.orders', 'write delete public.customers'],
    ],
    ['create extension dblink', 'CREATE EXTENSION', ['ddl', 'external']],
    ['create server s foreign data wrapper f', 'CREATE SERVER', ['ddl', 'external']],
    ['import foreign schema a from server b into c', 'IMPORT FOREIGN SCHEMA', ['ddl', 'external']],
    ['grant select on orders to someone', 'GRANT', ['dcl ddl public.orders']],
    ['revoke all on schema public from public', 'REVOKE', ['dcl']],
    ['create role r', 'CREATE ROLE', ['dcl']],
    ['vacuum orders', 'VACUUM', ['maintenance maintain public.orders']],
    ['analyze', 'ANALYZE', ['maintenance']],
    ['reindex database app', 'REINDEX', ['maintenance']],
    ['checkpoint', 'CHECKPOINT', ['maintenance']],
    ['refresh materialized view odd_view', 'REFRESH MATERIALIZED VIEW', ['unknown', 'write maintain public.odd_view']],
    ["load 'x'", 'LOAD', ['external']],
    ['alter system set work_mem = 1', 'ALTER SYSTEM', ['external']],
    ["notify a, 'b'", 'NOTIFY', ['external']],
    ['listen a', 'LISTEN', ['session']],
    ['do $$ begin end $$', 'DO', ['procedural']],
    ['call p(now())', 'CALL', ['procedural', 'unknown call p']],
    ['prepare p as delete from orders', 'PREPARE', ['session', 'write delete public.orders unbounded']],
    ['execute p', 'EXECUTE', ['unknown']],
    ['declare c cursor for select * from orders', 'DECLARE CURSOR', [READ_ORDERS, 'session']],
    ['fetch c', 'FETCH', ['unknown']],
    ['move c', 'MOVE', ['unknown']],
    ['close c', 'CLOSE CURSOR', ['session']],
    ['close all', 'CLOSE CURSOR ALL', ['session']],
    ['deallocate all', 'DEALLOCATE ALL', ['session']],
    ['discard plans', 'DISCARD PLANS', ['session']],
    ['discard temp', 'DISCARD TEMP', ['ddl', 'session']],
    ['explain select * from orders', 'EXPLAIN', [READ_ORDERS]],
    ['explain analyze delete from orders where id = 1', 'EXPLAIN', ['write delete public.orders']],
  ])('%s', (text, tag, expected) => {
    expect(uses(text)).toEqual(expected)
    expect(understood(text).tag).toBe(tag)
  })
})

describe('T5, T2: what is not understood is opaque, and never throws', () => {
  test.each([
    ['', 'EMPTY'],
    ['-- nothing', 'EMPTY'],
    ['select 1; select 2', 'NOT_ONE_STATEMENT'],
    ['selec 1', 'SYNTAX'],
    ["select 'a", 'SYNTAX'],
    ['select 1\0; drop table x', 'HAS_NUL'],
    ["select '\ud800'", 'NOT_UTF8'],
    ["select '\udc00\ud800'", 'NOT_UTF8'],
    [`select '${'x'.repeat(1_100_000)}'`, 'TOO_LARGE'],
    [`select ${'1+'.repeat(10_000)}1`, 'TOO_COMPLEX'],
    [`select ${'('.repeat(5_000)}1${')'.repeat(5_000)}`, 'TOO_COMPLEX'],
    [`select 1${'/**/'.repeat(501)}`, 'TOO_COMPLEX'],
    [`select 1 where 1 in (${Array.from({ length: 200_000 }, () => '1').join()})`, 'TOO_COMPLEX'],
    [`select 1${' union select 1'.repeat(300)}`, 'TOO_COMPLEX'],
    [`select ${'not '.repeat(300)}true`, 'TOO_COMPLEX'],
    [`select ${'case when true then '.repeat(300)}1${' end'.repeat(300)}`, 'TOO_COMPLEX'],
    [`select ${`(${'1+'.repeat(100)}`.repeat(100)}1${')'.repeat(100)}`, 'TOO_COMPLEX'],
    [`select ${'1+case when true then 1 end+'.repeat(300)}1`, 'TOO_COMPLEX'],
  ])('%#', (text, code) => expect(factsOf(text)).toMatchObject({ kind: 'opaque', code }))

  test('what people and programs write is not', () => {
    const list = Array.from({ length: 20_000 }, (_, index) => index).join()
    const branches = Array.from({ length: 400 }, (_, index) => `when id = '${index}' then 'x'`).join(' ')
    const ors = Array.from({ length: 1_000 }, (_, index) => `id = '${index}'`).join(' or ')
    expect(uses(`select 1 from orders where id in (${list})`)).toEqual([READ_ORDERS])
    expect(uses(`select case ${branches} end from orders where ${ors}`)).toEqual([READ_ORDERS])
    expect(uses(`select ${'('.repeat(150)}1${')'.repeat(150)} from orders`)).toEqual([READ_ORDERS])
    expect(uses(`select ${'1+'.repeat(250)}1 from orders`)).toEqual([READ_ORDERS])
  })

  test('a statement of another dialect, or for a major without a grammar, is opaque', () => {
    expect(classifier.classify({ dialect: 'mysql', text: 'select 1', params: [] }, catalog).kind).toBe('opaque')
    expect(factsOf('select 1', smallCatalog({ major: 14, fingerprint: 'old' }))).toMatchObject({
      code: 'PARSER_FAILED',
    })
  })

  test('messages hold no part of the text', () => {
    expect(JSON.stringify(factsOf("select 'secret' 'secret'"))).not.toContain('secret')
  })
})

describe('standing facts', () => {
  test('the same text in another catalog is looked at again', () => {
    const empty = smallCatalog({ fingerprint: 'empty', relations: new Map() })
    expect(uses('select 1 from orders')).toEqual([READ_ORDERS])
    expect(uses('select 1 from orders', empty)).toEqual(['unknown'])
    expect(factsOf('select 1 from orders', empty)).toMatchObject({ catalogFingerprint: 'empty' })
  })

  test('a use says where it is, in bytes of the statement', () => {
    const [use] = understood("select 'ä', 1 from public.orders").uses
    expect(use?.place).toEqual({ start: 20, end: 33 })
  })

  test('T10: the canonical text shows what hides, and nothing is cut', () => {
    expect(understood('select\n\t1 -- one\n, \'a\u202eb\' as "x\u200by"').canonical).toBe(
      'select 1 , \'a\\u{202e}b\' as "x\\u{200b}y"',
    )
  })
})

describe('T1: a statement that was split just before is understood as one that comes by itself', () => {
  const TEXTS = [
    'select id from customers where id = 5;',
    'select id from customers ;  ',
    ' select id from customers',
    'select id from customers -- why\n;',
    "select 'é', ssn from customers;",
    'select 1; select ssn from customers',
    'delete from customers;;',
    'select id from customers /* ; */ where ssn is null\n',
    'with c as (select * from customers) select * from c;',
  ]
  test.each(TEXTS)('%j', async text => {
    const fresh = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const alone = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const splitting = fresh.split(text, catalog.major)
    const statements = splitting.kind === 'split' ? splitting.statements : []
    expect(statements.length).toBeGreaterThan(0)
    for (const statement of statements) {
      const asked = { dialect: 'postgres', text: statement.text, params: [] } as const
      expect(fresh.classify(asked, catalog)).toEqual(alone.classify(asked, catalog))
    }
  })
})

describe('P11: what a statement within another one does has its tag', () => {
  test.each([
    ['delete from orders', []],
    ['select 1 from orders', []],
    ['with d as (delete from orders returning id) select id from d', ['DELETE']],
    ['copy (insert into orders (id) values (1) returning id) to stdout', ['INSERT']],
    ['explain update orders set id = 1', ['UPDATE']],
    ['explain merge into orders o using customers c on c.id = o.id when matched then delete', ['MERGE']],
    ['create schema s create table t (id int) create view v as select 1', ['CREATE TABLE', 'CREATE VIEW']],
    ['do $$ begin drop table orders; end $$', ['DROP TABLE']],
  ])('%s', (text, tags) => {
    expect([...new Set(understood(text).uses.flatMap(({ tag }) => tag ?? []))].sort()).toEqual(tags)
  })
})
