import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { masksOf } from './rewriting.ts'
import { halfMask, openViewsWorld, type ViewsWorld } from './views-world.ts'

const BIG = `
create table big_people (id int primary key, name text, ssn text, region int);
create table big_orders (id int primary key, person_id int references big_people, total int);
create table big_events (id int, at date, secret text, primary key (id, at)) partition by range (at);
create table big_events_1 partition of big_events for values from ('2024-01-01') to ('2024-07-01');
create table big_events_2 partition of big_events for values from ('2024-07-01') to ('2025-01-01');
insert into big_people select g, 'name ' || g, lpad(g::text, 9, '1'), g % 50 from generate_series(1, 20000) g;
insert into big_orders select g, 1 + g % 20000, g % 100 from generate_series(1, 40000) g;
insert into big_events select g, date '2024-01-01' + g % 366, 's' || g from generate_series(1, 20000) g where g % 366 < 360;
create index big_names on big_people (name);
create index big_ssns on big_people (ssn);
create index big_persons on big_orders (person_id);
create view big_copies as select id, name as label, ssn as code from big_people;
create view big_labels as select id, name, name || ' #' || ssn as label, region from big_people;
create view big_nested as select l.id, l.label, c.code from big_labels l join big_copies c using (id);
create view big_both as select id, label from big_labels union all select id, ssn from big_people;
create view big_barrier with (security_barrier) as select id, upper(ssn) as s from big_people;
analyze;
`

const isMaskedHere = ({ name }: { readonly name: string }, column: { readonly name: string }): boolean =>
  (name === 'big_people' && column.name === 'ssn') || (name.startsWith('big_events') && column.name === 'secret')

describe.each([15, 18] as const)('plans over masked relations, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major, BIG)
  }, 120_000)
  afterAll(() => world?.stop())

  const planOf = async (text: string): Promise<string> => {
    const statement = { dialect: 'postgres', text, params: [] } as const
    const facts = world.pair.classify(statement, world.catalog)
    if (facts.kind === 'opaque') throw new Error(facts.message)
    const masks = masksOf(facts.uses, isMaskedHere)
    expect(masks).not.toEqual([])
    const rewriting = world.pair.rewrite(statement, facts, masks, halfMask, world.catalog)
    if (rewriting.kind === 'impossible') throw new Error(rewriting.why)
    const { rows } = await world.masked.query(`explain (costs off) ${rewriting.text}`)
    return rows.map(row => row['QUERY PLAN']).join('\n')
  }

  test.each([
    ['a lookup by key', 'select * from big_people where id = 77', ['big_people_pkey']],
    ['a lookup by an indexed column', "select ssn from big_people where name = 'name 77'", ['big_names']],
    [
      'a join',
      'select p.ssn, o.total from big_orders o join big_people p on p.id = o.person_id where o.id = 5',
      ['big_orders_pkey', 'big_people_pkey'],
    ],
    [
      'a join the other way',
      'select p.ssn, o.total from big_people p join big_orders o on o.person_id = p.id where p.id between 5 and 9',
      ['big_people_pkey', 'big_persons'],
    ],
    [
      'a semi-join',
      'select ssn from big_people where id in (select person_id from big_orders where id < 5)',
      ['big_orders_pkey', 'big_people_pkey'],
    ],
    ['ORDER BY and LIMIT', 'select * from big_people order by id desc limit 5', ['Limit', 'big_people_pkey']],
    [
      'ORDER BY and LIMIT by another index',
      "select ssn from big_people where name > 'name 5' order by name limit 5",
      ['Limit', 'big_names'],
    ],
    ['a partition', "select secret from big_events where id = 5 and at = '2024-08-01'", ['big_events_2_pkey']],
    ['a view masked on its columns', 'select * from big_copies where id = 77', ['big_people_pkey']],
    ['ORDER BY and LIMIT of one', 'select * from big_copies order by id limit 5', ['Limit', 'big_people_pkey']],
    ['a view in place', 'select * from big_labels where id = 77', ['big_people_pkey']],
    [
      'ORDER BY and LIMIT of one in place',
      'select * from big_labels order by id limit 5',
      ['Limit', 'big_people_pkey'],
    ],
    [
      'a join with a view in place',
      'select l.label from big_orders o join big_labels l on l.id = o.person_id where o.id = 5',
      ['big_orders_pkey', 'big_people_pkey'],
    ],
    ['views on views', 'select * from big_nested where id = 77', ['big_people_pkey']],
    ['a set operation in a view', 'select * from big_both where id = 77', ['big_people_pkey']],
  ])('%s uses the indexes', async (_, text, indexes) => {
    const plan = await planOf(text)
    for (const index of indexes) expect(plan).toContain(index)
    expect(plan).not.toContain('Seq Scan')
  })

  test('a fenced view and a predicate on a masked column read all rows', async () => {
    expect(await planOf('select * from big_barrier where id = 77')).toContain('Seq Scan')
    expect(await planOf("select id from big_people where ssn = '111111177'")).toContain('Seq Scan')
  })
})
