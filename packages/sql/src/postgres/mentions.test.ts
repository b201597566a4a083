import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog, unseen } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog({ major: 18 })
function mentions(text: string): readonly string[] {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return [...new Set(facts.mentions.map(({ name, qualifier }) => [...qualifier, name].join('.')))].sort()
}

describe('columns that a statement reads by name', () => {
  test.each([
    ["update customers set ssn = 'x' where id = 1", ['id']],
    ['update customers set (ssn, name) = (email, $1)', ['email']],
    ['update customers set name = customers.ssn returning email', ['customers.ssn', 'email']],
    ['update customers set name = $1 returning old.ssn', ['old.ssn']],
    ['insert into customers (id, ssn) values ($1, $2)', []],
    [
      'insert into customers (id) values (1) on conflict (ssn) do update set name = excluded.email',
      ['excluded.email', 'ssn'],
    ],
    ['insert into customers (id) values (1) returning *', ['*']],
    ['insert into orders (note) table customers', ['*']],
    ['delete from orders using customers c where c.ssn = orders.note', ['c.ssn', 'orders.note']],
    ['delete from customers where ssn(customers) is not null', ['customers', 'customers.*', 'ssn']],
    ['delete from customers c where (c).ssn is null', ['c', 'c.*', 'ssn']],
    ['update orders set note = x.ssn from (orders join customers using (id)) x', ['id', 'x.ssn']],
    ['update orders set note = 1 from orders o natural join customers', ['*']],
    ['copy customers (id, ssn) to stdout', ['id', 'ssn']],
    ['copy customers to stdout', ['*']],
    ['copy customers (ssn) from stdin', []],
  ])('%s', (text, expected) => expect(mentions(text)).toEqual(expected))
})

test('N1: a function that hides set_config takes nothing from what set_config may not do', () => {
  const shadowed = smallCatalog({ major: 18, userFunctions: unseen('set_config') })
  const text = "select set_config('search_path', 'x', false)"
  expect(classifier.classify({ dialect: 'postgres', text, params: [] }, shadowed)).toMatchObject({
    prohibitions: [{ code: 'PINNED_SETTING' }],
  })
})
