import type { Catalog, Facts, MaskSql, Rewriting } from '@querywarden/policy-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { classifierAndRewriter, masksOf, type Pair } from '../../../test/rewriting.ts'
import { smallCatalog } from '../../../test/small-catalog.ts'

const star: MaskSql = (_, __, reference) => `left(${reference}, 0) || '*'`
const catalog = smallCatalog()

let pair: Pair
beforeAll(async () => {
  pair = await classifierAndRewriter()
})

type Understood = Extract<Facts, { kind: 'understood' }>

function factsOf(text: string, known: Catalog = catalog): Understood {
  const facts = pair.classify({ dialect: 'postgres', text, params: [] }, known)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts
}

/** Rewrites a text under a mask on `customers.ssn`. */
function rewrite(text: string, { facts = factsOf(text), maskSql = star, known = catalog } = {}): Rewriting {
  const masks = masksOf(
    factsOf(text, known).uses,
    (relation, column) => relation.name === 'customers' && column.name === 'ssn',
  )
  return pair.rewrite({ dialect: 'postgres', text, params: [] }, facts, masks, maskSql, known)
}

const MASKED = `SELECT "qw"."id", "qw"."name", "qw"."email", left("qw"."ssn", 0) || '*' AS "ssn" FROM "public"."customers" AS "qw"`
const ONLY_MASKED = MASKED.replace('FROM ', 'FROM ONLY ')

describe('what is written', () => {
  test.each([
    ['select ssn from customers', `select ssn from (${MASKED}) AS "customers"`],
    ['select c.ssn from public.customers c', `select c.ssn from (${MASKED}) c`],
    ['select 1 from only customers as c(a)', `select 1 from (${ONLY_MASKED}) as c(a)`],
    ['select 1 from only ( customers ) where true', `select 1 from (${ONLY_MASKED}) AS "customers" where true`],
    ['table customers', `SELECT * FROM (${MASKED}) AS "customers"`],
    ['select public.customers.ssn from customers', `select "customers".ssn from (${MASKED}) AS "customers"`],
    ['select 1 from orders, customers*', `select 1 from orders, (${MASKED}) AS "customers"`],
    [
      'copy customers to stdout csv',
      `copy (SELECT "id", "name", "email", "ssn" FROM (${ONLY_MASKED}) AS "customers") to stdout csv`,
    ],
    [
      'copy public.customers (ssn, "id") to stdout',
      `copy (SELECT "ssn", "id" FROM (${ONLY_MASKED}) AS "customers") to stdout`,
    ],
    ['copy (table customers) to stdout', `copy (SELECT * FROM (${MASKED}) AS "customers") to stdout`],
    ['select * from customers for update', `select * from (${MASKED}) AS "customers" for update`],
    [
      'select * from customers c tablesample system (10) repeatable ( 1 ) where true',
      `select * from (${MASKED} tablesample system ( 10 ) repeatable ( 1 )) c  where true`,
    ],
    [
      'select * from only customers tablesample pg_catalog.bernoulli(($1)) join orders using (id) for share of orders',
      `select * from (${ONLY_MASKED} tablesample pg_catalog . bernoulli ( ( $1 ) )) AS "customers"  join orders using (id) for share of orders`,
    ],
  ])('%s', (text, expected) => {
    const known = smallCatalog({ relations: withoutGenerated() })
    expect(rewrite(text, { known, facts: factsOf(text, known) })).toEqual({ kind: 'rewritten', text: expected })
  })

  const withoutGenerated = (): Catalog['relations'] =>
    new Map([...catalog.relations].map(([key, relation]) => [key, { ...relation, generated: new Set<string>() }]))

  test('COPY leaves out what it never shows', () => {
    const relations = new Map(
      [...catalog.relations].map(([key, relation]) => [key, { ...relation, generated: new Set(['name']) }]),
    )
    const rewriting = rewrite('copy customers to stdout', { known: smallCatalog({ relations }) })
    expect(rewriting).toMatchObject({ text: expect.stringContaining('copy (SELECT "id", "email", "ssn" FROM') })
  })

  test.each([
    'select  id FROM orders',
    'copy customers from stdin',
    'copy customers (id, ssn) from stdin',
    'insert into customers (id, ssn) values (1, $1)',
    "update customers set name = 'x' where id = 1",
    'delete from customers where id = 1',
    'truncate customers',
    'lock table customers',
    'select * from crm.contacts',
    'with customers as (select 1 as ssn) select ssn from customers',
  ])('nothing where no masked row is read, and nothing is compared with others: %s', text => {
    const relations = new Map([...catalog.relations].map(([key, relation]) => [key, { ...relation, comparisons: [] }]))
    const known = smallCatalog({ relations })
    expect(rewrite(text, { known, facts: factsOf(text, known) })).toEqual({ kind: 'rewritten', text })
  })

  test('comments are gone, in number of bytes unchanged', () => {
    expect(rewrite('select 1 -- é\n')).toEqual({ kind: 'rewritten', text: 'select 1      \n' })
    expect(rewrite('select /* a */ ssn from customers')).toMatchObject({
      text: `select         ssn from (${MASKED}) AS "customers"`,
    })
  })
})

describe('what is impossible', () => {
  test.each([
    ['select * from orders o, lateral (select * from customers tablesample system (o.id)) c', /reads rows/],
    ['select ctid from customers', /system column `ctid`/],
    ['select c.xmin from customers c', /system column `xmin`/],
    ['select (c).tableoid from customers c', /system column `tableoid`/],
    ['select c.ctid from orders o, customers c', /system column `ctid`/],
    ['explain select * from customers', /plan/],
    ['create view v as select * from customers', /outlive/],
    ['create materialized view v as select * from customers', /outlive/],
    ['update orders set note = (select ssn from customers limit 1) where current of c', /cursor/],
    ['copy binary customers to stdout', /BINARY/],
    ['copy customers to stdout', /which columns COPY shows/],
    ['select public.customers.id from customers, (select 1) as customers', /written out/],
    ['select public.customers.id from public.customers where exists (select 1 from orders customers)', /written out/],
  ])('%s', (text, why) => {
    const known = /binary/.test(text)
      ? smallCatalog({
          relations: new Map(
            [...catalog.relations].map(([key, relation]) => [key, { ...relation, generated: new Set<string>() }]),
          ),
        })
      : catalog
    const rewriting = rewrite(text, { known })
    expect(rewriting).toMatchObject({ kind: 'impossible', why: expect.stringMatching(why) })
    if (rewriting.kind === 'impossible') expect(rewriting.hint).not.toBe('')
  })

  test('locks that reach no masked row are left alone', () => {
    for (const text of [
      'select * from orders where id in (select id from customers) for update',
      'with c as (select * from customers) select * from orders, c for update of orders',
    ]) {
      expect(rewrite(text)).toMatchObject({ kind: 'rewritten', text: expect.stringContaining(MASKED) })
    }
  })

  test('COPY of what COPY shows no rows of: the server would refuse it, and no rows at all would look like an empty table', () => {
    for (const more of [{ isPartitioned: true }, { kind: 'foreign' }, { kind: 'derived' }] as const) {
      const relations = new Map(
        [...catalog.relations].map(([key, relation]) => [key, { ...relation, generated: new Set<string>(), ...more }]),
      )
      expect(rewrite('copy customers to stdout', { known: smallCatalog({ relations }) })).toMatchObject({
        kind: 'impossible',
      })
    }
  })
})

describe('two readings that differ are refused', () => {
  const text = 'select ssn from customers where id in (select id from customers)'
  const change = (uses: (facts: Understood) => Understood['uses']): Rewriting => {
    const facts = factsOf(text)
    return rewrite(text, { facts: { ...facts, uses: uses(facts) } })
  }

  test('a masked relation that the classifier overlooked', () => {
    expect(change(facts => facts.uses.slice(1))).toMatchObject({
      kind: 'impossible',
      why: expect.stringMatching(/not known/),
    })
  })
  test('a masked relation where the tree has none', () => {
    const moved = (facts: Understood) =>
      facts.uses.map((use, at) => (at === 0 ? { ...use, place: { start: 7, end: 10 } } : use))
    expect(change(moved)).toMatchObject({ kind: 'impossible' })
  })
  test('one place, two relations', () => {
    const doubled = (facts: Understood) => {
      const [first] = facts.uses
      const orders = catalog.relations.get('["public","orders"]')
      return first?.kind === 'relation' && orders !== undefined ? [...facts.uses, { ...first, relation: orders }] : []
    }
    expect(change(doubled)).toMatchObject({ kind: 'impossible', why: expect.stringMatching(/not clear/) })
  })
  test('a WITH query taken for a table', () => {
    const shadowed = 'with customers as (select 1 as ssn) select ssn from customers'
    const real = factsOf('with customerz as (select 1 as ssn) select ssn from customers')
    const masks = masksOf(real.uses, (_, column) => column.name === 'ssn')
    const rewriting = pair.rewrite({ dialect: 'postgres', text: shadowed, params: [] }, real, masks, star, catalog)
    expect(rewriting).toMatchObject({ kind: 'impossible', why: expect.stringMatching(/not clear/) })
  })
  test('facts of another catalog', () => {
    const rewriting = rewrite(text, { facts: factsOf(text), known: smallCatalog({ fingerprint: 'newer' }) })
    expect(rewriting).toMatchObject({ kind: 'impossible', why: expect.stringMatching(/schema changed/) })
  })
  test('opaque facts, and a text of another dialect', () => {
    const masks = masksOf(factsOf(text).uses, () => true)
    const opaque: Facts = { kind: 'opaque', code: 'SYNTAX', message: '', offset: null }
    expect(pair.rewrite({ dialect: 'postgres', text, params: [] }, opaque, masks, star, catalog).kind).toBe(
      'impossible',
    )
    expect(pair.rewrite({ dialect: 'mysql', text, params: [] }, factsOf(text), masks, star, catalog).kind).toBe(
      'impossible',
    )
  })
})

describe('a mask is one expression of its column and of nothing else', () => {
  test.each([
    '"qw"."ssn", 1',
    '"qw"."ssn" FROM orders',
    '"qw"."ssn" AS y, "qw"."email"',
    '"qw"."email"',
    'ssn',
    '"qw".*',
    '$1',
    '(SELECT note FROM orders)',
    '(SELECT "qw"."ssn" FROM (SELECT 1) AS "qw")',
    '(SELECT e.v FROM public.unnest("qw"."ssn") AS e(v))',
    '(SELECT e.v FROM unnest("qw"."ssn") AS e(v))',
    '(SELECT e.v FROM pg_catalog.unnest("qw"."email") AS e(v))',
    '(SELECT f.v FROM pg_catalog.unnest("qw"."ssn") AS e(v))',
    '(SELECT 1 FROM pg_catalog.unnest("qw"."ssn") AS "qw"(ssn))',
    '(SELECT 1 FROM pg_catalog.unnest("qw"."ssn"))',
    '(SELECT 1 FROM pg_catalog.unnest(e.v) AS e(v))',
    '(SELECT 1 FROM pg_catalog.unnest("qw"."ssn") AS e(v), orders)',
    '(SELECT 1 FROM pg_catalog.unnest("qw"."ssn") AS e(v)) || e.v',
    'left("qw"."ssn", 0) -- ',
    'left("qw"."ssn", 0) /* */',
    "'*' AS",
    "'*'); DROP TABLE orders; --",
    '',
    "'",
  ])('not %s', sql => {
    expect(rewrite('select ssn from customers', { maskSql: () => sql })).toMatchObject({
      kind: 'impossible',
      why: 'the mask of "ssn" is not an expression of that column',
    })
  })
  test.each([
    "'*'",
    'NULL',
    '("qw"."ssn")',
    'CASE WHEN false THEN "qw"."ssn" ELSE NULL END',
    '(SELECT "qw"."ssn" WHERE false)',
    '(SELECT pg_catalog.max(e.v) FROM pg_catalog.unnest("qw"."ssn") WITH ORDINALITY AS e(v, n))',
    '(SELECT (SELECT pg_catalog.max(f.w) FROM pg_catalog.unnest(e.v) AS f(w)) FROM pg_catalog.unnest("qw"."ssn") AS e(v))',
  ])('but %s', sql => {
    expect(rewrite('select ssn from customers', { maskSql: () => sql })).toMatchObject({ kind: 'rewritten' })
  })
})
