import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { usesOf } from '../../test/uses.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog()
const uses = (text: string): readonly string[] =>
  usesOf(classifier.classify({ dialect: 'postgres', text, params: [] }, catalog))

describe('functions', () => {
  test.each([
    ['select now(), upper(name), count(*), coalesce(null, 1) from customers', ['read select public.customers']],
    ["select extract(year from now()), position('a' in 'b'), trim('x'), overlay('abc' placing 'X' from 2)", ['read']],
    ["select now() at time zone 'UTC', 'a' similar to 'b', current_user, current_date", ['read']],
    ['select row_number() over (order by id) from orders', ['read select public.orders']],
    ["select json_object('a': 1), xmlelement(name a), xmlforest(1 as b)", ['read']],
    ['select * from generate_series(1, 2) g, unnest(array[1]) u', ['read']],
    ['select 1 from orders tablesample bernoulli (1)', ['read select public.orders']],
    ['select 1 from orders tablesample wipe (1)', ['read select public.orders', 'unknown call wipe']],
    ['select wipe()', ['unknown call wipe']],
    ['select other.upper(1)', ['unknown call other.upper']],
    ['select no_such_function()', ['unknown call no_such_function']],
    ["select nextval('s')", ['write call pg_catalog.nextval']],
    ["select pg_read_file('x')", ['external call pg_catalog.pg_read_file']],
    ["select * from pg_catalog.pg_ls_dir('x')", ['external call pg_catalog.pg_ls_dir']],
    ["values (pg_read_file('x'))", ['external call pg_catalog.pg_read_file']],
    ['select id from orders limit wipe()', ['read select public.orders', 'unknown call wipe']],
    ["select query_to_xml('select ssn from customers', true, false, '')", ['unknown call pg_catalog.query_to_xml']],
    ["select pg_notify('a', 'b')", ['external call pg_catalog.pg_notify']],
    ['select pg_sleep(1)', ['session call pg_catalog.pg_sleep']],
    ['select pg_advisory_lock(1)', ['session call pg_catalog.pg_advisory_lock']],
    ['select txid_current()', ['transaction call pg_catalog.txid_current']],
    ["select current_setting('server_version')", ['read']],
    ["select current_setting('app.secret')", ['unknown call pg_catalog.current_setting']],
    [
      'select current_setting(name) from customers',
      ['read select public.customers', 'unknown call pg_catalog.current_setting'],
    ],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

describe('N1: a function of the database hides a built-in of its name, unless the schema is given', () => {
  test.each([
    ["select lower('A')", ['unknown call lower']],
    ["select pg_catalog.lower('A')", ['read']],
    ["select public.lower('A')", ['unknown call public.lower']],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

describe('code that runs without looking like a call', () => {
  test.each([
    ['select 1 === 2', ['unknown call ===']],
    ['select 1 operator(pg_catalog.=) 2', ['read']],
    ['select 1 operator(public.=) 2', ['unknown call public.=']],
    ["select 'x'::checked_text", ['unknown call checked_text']],
    ["select cast('x' as other.checked_text[])", ['unknown call other.checked_text']],
    ["select * from json_to_record('{}') as x(a checked_text)", ['unknown call checked_text']],
    ['select c.full_name from customers c', ['read select public.customers', 'unknown call full_name']],
    ['select c.name from customers c', ['read select public.customers']],
    ['select (c).full_name from customers c', ['read select public.customers', 'unknown call full_name']],
    ["select ('f'::text).pg_stat_file", ['external call pg_stat_file']],
    ["select ('delete from orders'::text).wipe", ['unknown call wipe']],
    ['select (s.x).pg_sleep from (select 1.0::float8 as x) s', ['session call pg_sleep']],
    ['select f.lo_unlink from generate_series(1, 2) f', ['write call lo_unlink']],
    ['select generate_series.lo_unlink from generate_series(1, 2)', ['write call lo_unlink']],
    ["select ('abc'::text).upper", ['read']],
    ['select ssn(c) from customers c', ['read select public.customers']],
    ['select sin_of(c) from customers c', ['read select public.customers', 'unknown call sin_of']],
  ])('%s', (text, expected) => expect(uses(text)).toEqual(expected))
})

test('every call of a text is told, with its class and place', () => {
  const text =
    "select upper(name), now(), wipe(), pg_notify('c', 'x'), other.f(1), pg_catalog.nextval('s') from customers"
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  expect(facts.calls.map(call => [call.name, call.class, text.slice(call.place.start, call.place.end)])).toEqual([
    ['pg_catalog.upper', 'pure', expect.stringContaining('upper')],
    ['pg_catalog.now', 'reads-context', expect.stringContaining('now')],
    ['wipe', 'unknown', expect.stringContaining('wipe')],
    ['pg_catalog.pg_notify', 'notifies', expect.stringContaining('pg_notify')],
    ['other.f', 'unknown', expect.stringContaining('other')],
    ['pg_catalog.nextval', 'write', expect.stringContaining('pg_catalog')],
  ])
})
