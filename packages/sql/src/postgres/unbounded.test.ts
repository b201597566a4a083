import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

function isUnbounded(text: string): boolean {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog())
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts.uses.some(use => use.kind === 'relation' && use.unbounded)
}

describe('a WHERE that bounds nothing', () => {
  test.each([
    'true',
    "'t'::bool",
    '1 = 1',
    '2 > 1',
    "'a' = 'a'",
    'id = id',
    'orders.id = id',
    'id >= id',
    '(id, 1) = (id, 1)',
    'id in (id, 7)',
    'id = any(array[id])',
    'id in (select id from orders)',
    'id between id and id',
    "note like '%'",
    'id = 5 or true',
    'id = 1 or id <> 1',
    'id < 5 or id >= 5',
    'note is null or note is not null',
    'not false',
    'not (id is null)',
    'id is not null',
    '(id = id) is true',
    'id is not distinct from id',
    'exists (select 1)',
    "exists (select 1 from orders where id = '1')",
    'exists (select 1 from customers where name is null)',
    '(select true)',
    "length('x') = 1",
    '$1',
    '1 in (1, 2)',
    'tableoid = 1',
    'true and (1 = 1)',
    'random() < 2',
    'id = id::int',
    'id::text = cast(id as varchar(9))',
    'id = coalesce(id, 0)',
    'coalesce(id = id, true)',
    'nullif(id, 7) = id',
    'greatest(id, id) = id',
    'least(id, id) >= id',
    'id + 0 = id',
    'id * 1 = id',
    "note || '' = note",
    'id < id + 1',
    'id + 1 > id',
    'id - 1 <> id',
    'id between id - 1 and id + 1',
    'case when true then id end = id',
    'case when id = 1 then true else true end',
    'case when true then true else id = 1 end',
    "note ~ ''",
    "note ~* '.*'",
    "note ^@ ''",
    'note like note',
    "note ilike '%%'",
    'array[id] @> array[id]',
    'array[id] && array[id]',
    "id <> all ('{}')",
    'id <> all (array[]::int[])',
    'id is distinct from null',
    'id > 1 or id < 5',
    'id >= -1 or id <= 0',
    'exists (select 1 from orders o where o.id = orders.id)',
    'not (id <> id)',
    'not (id = id and false)',
  ])('%s', where => expect(isUnbounded(`delete from orders where ${where}`)).toBe(true))
})

describe('a WHERE that does', () => {
  test.each([
    'id = 1',
    'id = $1',
    'orders.id = 1',
    'false',
    "id = id and note = 'x'",
    'id in (1, 2)',
    'id = any($1)',
    'note is null',
    'not (id = 1)',
    "note like 'a%'",
    'ctid = $1',
    'total > -1',
    'current of c',
    'exists (select 1 from customers c where c.id = orders.customer_id)',
    'exists (select 1 from customers where ssn = note)',
    'id in (select id from orders where total > 1)',
    'id = coalesce($1, 5)',
    'id = id + 1',
    'id + 1 = 5',
    "note ~ '^a'",
    'id > 5 or id < 1',
    'id = 1 or id = 2',
    'case when id = 1 then true else false end',
    'coalesce(id = 1, false)',
    'id <> all (array[1])',
    'exists (select 1 from orders o where o.id = orders.customer_id)',
    'id between 1 and 5',
    'id is distinct from 5',
  ])('%s', where => expect(isUnbounded(`delete from orders where ${where}`)).toBe(false))
})

test('a join that leaves the target alone is no bound', () => {
  expect(isUnbounded("delete from orders using customers c where c.name = 'x'")).toBe(true)
  expect(isUnbounded('update orders o set note = null from customers c where c.id = o.customer_id')).toBe(false)
  expect(isUnbounded('update orders o set note = null')).toBe(true)
})
