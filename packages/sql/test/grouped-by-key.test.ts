import type { Rewriting } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rewriteText } from './rewriting.ts'
import { halfMask, isMaskedHere, openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

/** Relations whose column `secret` is masked: with a key of two columns, partitioned, with a key that is masked, and others. */
const MORE = `
create table notes (author int, at int, secret text, about json, place point, primary key (at, author));
insert into notes select g % 5, g, 'sec' || g % 3 || 'ret', '{"a": 1}', point(g, g) from generate_series(1, 15) g;
create table ledger (id int, part int, secret text, note text, primary key (id, part)) partition by list (part);
create table ledger_1 partition of ledger for values in (1);
create table ledger_2 partition of ledger default;
insert into ledger select g, 1 + g % 3, 'acc' || g % 4, 'n' || g % 2 from generate_series(1, 12) g;
create table pins (secret text primary key, label text);
insert into pins values ('abc', 'one'), ('xyz', 'two');
create table loose (id int primary key deferrable, secret text);
create table elder (id int primary key, secret text);
create table younger () inherits (elder);
create table copied (id int, ssn text, n bigint);
create aggregate my_sum (int) (sfunc = int4pl, stype = int, initcond = '0');
create view g_orders as select c.id, c.name, c.ssn, count(o.id) as n from customers c left join orders o on o.customer_id = c.id group by c.id;
create view g_deep as select g.id, upper(g.ssn) || g.n as s from g_orders g where g.n > 1;
create view g_using as select id, max(brand) as brand, email from customers join cards using (id) group by id;
`
const AT_REST = ['notes', 'ledger'].map(name => `update ${name} set secret = left(secret, 3) || '~';`).join('')

const isMasked: typeof isMaskedHere = (relation, column) => column.name === 'secret' || isMaskedHere(relation, column)

const SERVED: readonly string[] = [
  'select c.id, c.name, count(*) from customers c join orders o on o.customer_id = c.id group by c.id',
  'select c.id, c.ssn, c.email, count(*) from customers c join orders o on o.customer_id = c.id group by c.id',
  'select customers.*, count(o.id) from customers left join orders o on o.customer_id = customers.id group by customers.id',
  'select c.*, sum(o.id) from orders o left join customers c on o.customer_id = c.id group by c.id',
  'select *, count(*) over () from customers group by id',
  'select public.customers.ssn from public.customers group by public.customers.id, region',
  'select name from customers group by ( (id) )',
  'select name, status from customers join orders o on customer_id = customers.id group by (o.status, customers.id), (note)',
  // By position and by label
  'select c.id, c.ssn, count(*) from customers c, orders o where o.customer_id = c.id group by 1 order by 3 desc, 1',
  'select c.*, count(*) from customers c join cards k on k.customer_id = c.id group by 1',
  'select *, 1 as one from customers c group by 1',
  'select c.id as key, c.name from customers c group by key',
  'select c.a, c.b from customers c (a, b) group by a',
  'select c.id as x, c.name || c.ssn as y from customers c group by x order by y',
  // HAVING, ORDER BY, DISTINCT ON, windows
  'select count(*) from customers c join orders o on o.customer_id = c.id group by c.id having max(o.id) > 3 and c.ssn is not null',
  'select c.id from customers c join orders o on o.customer_id = c.id group by c.id order by c.email, c.id',
  'select distinct on (c.region) c.region, c.id from customers c group by c.id order by c.region, c.ssn, c.id',
  'select c.id, rank() over (partition by c.region order by count(o.id) desc, c.id) from customers c join orders o on o.customer_id = c.id group by c.id',
  'select c.id, lag(c.ssn) over w from customers c group by c.id window w as (partition by c.region order by c.id)',
  'select c.id, sum(count(*)) over (order by c.id), first_value(c.email) over (order by c.id) from customers c group by c.id',
  'select string_agg(o.note, c.name order by o.id) filter (where c.region is not null) from customers c join orders o on o.customer_id = c.id group by c.id',
  'select c.id, percentile_cont(0.5) within group (order by o.id) + length(c.name) from customers c join orders o on o.customer_id = c.id group by c.id',
  // Queries inside of clauses
  'select c.id, (select max(k.pan) from cards k where k.customer_id = c.id and k.pan < c.ssn) from customers c group by c.id',
  'select c.id from customers c group by c.id having exists (select from cards k where k.brand <> c.region and k.customer_id = c.id)',
  'select (select max(c.ssn)) from customers c group by c.id',
  'select (select max(c.ssn || k.pan) from cards k) from customers c group by c.id',
  'select id from orders where (id, note) in (select c.id, c.name from customers c group by c.id)',
  'select * from (select c.ssn, count(*) as n from customers c group by c.id) s where n = 1',
  'select o.id, l.* from orders o, lateral (select c.ssn, o.note, count(*) from customers c where c.id = o.customer_id group by c.id) l',
  // WITH, set operations
  'with a as (select c.id, c.ssn, count(*) as n from customers c group by c.id), b as materialized (select name from customers group by id) select * from a, b',
  'with recursive r as (select c.id, c.ssn from customers c group by c.id union select r.id + 1, r.ssn from r where r.id < 3) select * from r',
  'select c.ssn, count(*) from customers c group by c.id union all (select k.pan, 1 from cards k group by k.id order by k.brand)',
  // More than one relation, and the same one more than once
  'select c.id, c.ssn, k.pan, k.id from customers c join cards k on k.customer_id = c.id group by k.id, c.id',
  'select a.ssn, b.ssn, count(*) from customers a join customers b on a.id = b.id - 1 group by a.id, b.id',
  'select a.ssn, max(b.ssn) from customers a join customers b on a.region = b.region group by a.id',
  'select c.name, l.note, l.secret from customers c join ledger l using (id) group by c.id, l.id, l.part',
  // Merged columns
  'select id, email, count(k.pan) from customers join cards k using (id) group by id',
  'select id, email from customers natural left join orders group by id',
  'select id, brand, pan from orders right join cards using (id) group by id',
  'select j.id, j.ssn, max(j.pan) from (customers join cards using (id)) as j group by j.id',
  'select region, x.id from customers join cards using (id) as x group by x.id',
  'select a.name, count(*) from customers a join customers b using (region) group by a.id',
  // Keys of two columns, partitions
  'select at, author, secret from notes group by author, at',
  'select secret, note, count(*) from ledger group by part, id',
  'select secret, note, count(*) from ledger_1 l group by l.part, l.id',
  'select c.ssn from customers c tablesample bernoulli (50) repeatable (1) group by c.id',
  // Rows
  'select c from customers c group by c.id',
  'select row_to_json(c), (c).ssn, (c).* from customers c group by c.id',
  'select count(c.*), to_jsonb(c.*), row(c.*) from customers c group by c.id',
  'select (j).email from (customers join cards using (id)) as j group by j.id',
  // Nothing has to be added
  'select c.id, max(c.name), my_sum(length(c.ssn)), json_agg(c) from customers c group by c.id',
  'select n.at, json_agg(n.about), count(n.place::text) from notes n group by n.at, n.author',
  'select c.id, c.ssn from customers c group by c.id, c.ssn',
  'select region, ssn, count(*) from customers group by region, ssn',
  // Views, written in the place of which their definitions are
  'select * from g_orders',
  'select * from g_deep d join g_using u using (id)',
]

/** What the server refuses, of whichever relation: no key, only a part of one, one that isn't seen or doesn't hold. */
const REFUSED: readonly string[] = [
  'select c.name, c.ssn from customers c group by c.region',
  'select c.id, o.note from customers c join orders o on o.customer_id = c.id group by c.id',
  'select at, secret from notes group by at',
  'select c.name from customers c group by c.id + 0',
  'select a.ssn, b.ssn from customers a join customers b on a.region = b.region group by a.id',
  'select k.brand from customers c join cards k using (id) group by id',
  'select id, name from customers c full join cards using (id) group by id',
  'select secret from loose group by id',
  'select s.ssn from (select * from customers) s group by s.id',
  'select c.name from customers c group by c.id, c.id having grouping(c.region) = 0',
]

describe.each([15, 18] as const)('GROUP BY of a primary key, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major, MORE)
    await world.server.exec(AT_REST, 'at_rest')
  }, 120_000)
  afterAll(() => world?.stop())

  const rewritten = (text: string): Rewriting => rewriteText(world.pair, text, world.catalog, isMasked, halfMask)
  const sent = (text: string): string => {
    const rewriting = rewritten(text)
    if (rewriting.kind === 'impossible') throw new Error(`${text}: ${rewriting.why}`)
    return rewriting.text
  }

  test.each(SERVED)('%s (6.2)', async text => {
    const shown = await seen(world.masked, sent(text))
    expect(shown).toHaveProperty('rows')
    expect(shown).toEqual(await seen(world.atRest, text))
  })

  test.each(REFUSED)('%s is left to the server to refuse', async text => {
    expect(await seen(world.masked, sent(text))).toEqual({ code: '42803' })
    expect(await seen(world.atRest, text)).toEqual({ code: '42803' })
  })

  test('INSERT, CREATE TABLE AS, UPDATE, cursors and COPY of such queries (6.2, 6.3)', async () => {
    const query =
      'select c.id, c.ssn, count(*) as n from customers c join orders o on o.customer_id = c.id group by c.id'
    for (const [text, then] of [
      [`insert into copied ${query}`, 'select * from copied'],
      [`create table made as ${query}`, 'select * from made'],
      [`declare w cursor for ${query} order by c.name, c.id`, 'fetch all from w'],
      [`prepare w as ${query}`, 'execute w'],
      [
        'update orders set (status, note) = (select c.name, c.email from customers c where c.id = customer_id group by c.id)',
        'select * from orders',
      ],
    ] as const) {
      const heard = await Promise.all(
        [world.masked, world.atRest].map(async client => {
          await client.query('begin')
          const first = await seen(client, client === world.masked ? sent(text) : text)
          const second = await seen(client, then)
          await client.query('rollback')
          return [first, second]
        }),
      )
      expect(heard[0], text).toEqual(heard[1])
      expect(heard[0]?.[1], text).toHaveProperty('rows')
    }
    await world.masked.query('deallocate all')
    await world.atRest.query('deallocate all')
    expect(await seen(world.masked, sent(`select * from (${query}) q`))).toEqual(
      await seen(world.atRest, `select * from (${query}) q`),
    )
    expect(rewritten(`copy (${query}) to stdout`)).toMatchObject({ kind: 'rewritten' })
  })

  test('columns are added behind the key, once, and only where something needs them', () => {
    expect(sent('select c.name, c.name || c.ssn, c.region from customers c group by c.id, c.region')).toMatch(
      / group by c\.id, "c"\."name", "c"\."ssn", c\.region$/,
    )
    expect(sent('select id from customers group by id')).toMatch(/ group by id$/)
    expect(sent('select name from customers group by id limit 1')).toMatch(/ group by id, "customers"\."name" limit 1$/)
  })

  test.each([
    ['select about from notes group by at, author', /type `json`/],
    ['select n from notes n group by at, author', /type `json`/],
    ['select n.place[0] from notes n group by at, author', /type `point`/],
    ['select label from pins group by secret', /`secret` is masked/],
  ])('%s is refused, with what to write instead', (text, why) => {
    const rewriting = rewritten(text)
    expect(rewriting).toMatchObject({ kind: 'impossible', why: expect.stringMatching(why) })
    if (rewriting.kind === 'impossible') expect(rewriting.hint).not.toBe('')
  })

  test.each([
    // Of a parent with children the key may be there again, and sets have columns of their own: the server says so.
    'select secret from elder group by id',
    'select name, count(*) from customers group by rollup (id)',
    'select name, count(*) from customers c group by grouping sets ((id), (id, region))',
  ])('%s is refused by the server', async text => {
    expect(await seen(world.masked, sent(text))).toEqual({ code: '42803' })
  })
})
