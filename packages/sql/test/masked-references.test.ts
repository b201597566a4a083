import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

const QUERIES: readonly string[] = [
  // FROM, joins, LATERAL
  'select ssn, customers.email from customers',
  'select * from customers c natural join cards',
  'select * from customers c join cards k using (id) where c.ssn > k.pan',
  'select id, name, pan from customers full join cards using (id)',
  'select * from customers c left join lateral (select max(pan) from cards where customer_id = c.id) m on true',
  'select c.*, k.pan from customers c, lateral (select * from cards where pan < c.ssn) k',
  'select j.ssn from (customers join cards using (id)) as j',
  'select * from v_customers v join v_labels l using (id) full join mv_directory m using (id)',
  // Subqueries
  "select (select ssn from customers where id = 1), exists (select from customers where ssn like '%~')",
  'select id from orders where note in (select ssn from customers) or id = any (array(select id from v_filtered))',
  "select id from customers where ssn = (select min(ssn) from customers) or ssn like '_1%'",
  // WITH
  'with a as (select ssn, id from customers), b as not materialized (select * from a) select * from b where ssn is not null',
  'with recursive r(id, t) as (select id, ssn from customers where id = 1 union all select c.id, r.t || c.ssn from customers c join r on c.id = r.id + 1) select * from r',
  'with customers as (select 1 as ssn) select ssn from customers',
  'with n as (insert into orders select 900 + id, id, ssn, email from customers where id = 1 returning status, note) select * from n',
  // Set operations, TABLE, VALUES
  'select ssn from customers union select national_id from hr.people except select pan from cards',
  'table customers',
  "values ('x', 1), ((select ssn from customers where id = 2), 2)",
  'select * from (values (1)) v(id) join customers using (id)',
  // Inheritance and partitions
  'select * from only hr.people',
  'select * from hr.people*',
  'select p.* from (select * from hr.people) p(a, b, c) where b is not null',
  'select iban from billing.payments union all select iban from billing.payments_2024',
  // Functions in FROM
  "select * from customers c, unnest(string_to_array(c.ssn, '-')) u",
  'select * from rows from (generate_series(1, 2), unnest(array[1, 2])) x(id, b) join customers using (id)',
  // Rows as values
  'select (c).ssn, (c).id from customers c',
  'select ssn(c) from customers c',
  'select c.*::text, row(c.ssn, c.*) from customers c',
  'select id from customers c where c > (select d from customers d where d.id = 3)',
  'select (v.rec).ssn, ((v.rec).email) from v_row v',
  'select to_json(x) from (select * from customers) x',
  // Aggregates, windows, grouping
  'select ssn, count(*) from customers group by ssn having max(email) is not null',
  'select region, ssn, count(*) from customers group by grouping sets ((region), (ssn), ())',
  'select id, lag(ssn) over (order by id), first_value(ssn) over w from customers window w as (partition by region order by id)',
  'select distinct on (ssn) ssn, region from customers order by ssn, region',
  'select max(email) filter (where ssn is null), string_agg(ssn, id::text order by id) from customers',
  'select ssn from customers order by ssn nulls first, id limit 3 offset 1',
  // Samples
  'select * from customers tablesample bernoulli (50) repeatable (3)',
  'select c.ssn from only customers as c tablesample system (100) where c.id > 3',
  'select count(*) from customers tablesample bernoulli (30) repeatable (1), cards tablesample bernoulli (60) repeatable (2)',
  // Locks
  'select * from customers where id < 4 for update',
  'select c.ssn, o.id from customers c join orders o on o.customer_id = c.id for no key update of c skip locked',
  'select * from v_customers for share nowait',
  'select * from v_labels for key share',
]

describe.each([15, 16, 17, 18] as const)('references to masked relations, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major)
  }, 120_000)
  afterAll(() => world?.stop())

  const sent = (text: string): string => {
    const rewriting = world.rewrite(text)
    if (rewriting.kind === 'impossible') throw new Error(`${text}: ${rewriting.why}`)
    return rewriting.text
  }

  /** What both databases show of a script that leaves no trace; its first texts are rewritten like the last one. */
  const alike = async (...texts: readonly string[]): Promise<void> => {
    const heard = await Promise.all(
      [world.masked, world.atRest].map(async client => {
        await client.query('begin')
        const all = []
        for (const text of texts) all.push(await seen(client, client === world.masked ? sent(text) : text))
        await client.query('rollback')
        return all
      }),
    )
    expect(heard[0], texts.join('; ')).toEqual(heard[1])
    expect(heard[0]?.at(-1), texts.join('; ')).toHaveProperty('rows')
  }

  test.each(QUERIES)('%s (6.2)', text => alike(text))

  test('what is written is masked (6.3)', async () => {
    await alike('create table kept as select id, ssn from customers', 'select * from kept')
    await alike('create temp table kept as table v_labels', 'select * from kept')
    await alike('select ssn, pan into kept from customers join cards using (id)', 'select * from kept')
    await alike('insert into orders select 500 + id, id, ssn, email from customers', 'select * from orders')
    await alike(
      'insert into orders (id, note) select 500 + id, caption from v_labels returning note',
      'select * from orders',
    )
  })

  test('cursors and prepared statements (6.2)', async () => {
    await alike('declare c scroll cursor with hold for select ssn from customers order by id', 'fetch all from c')
    await alike('declare c cursor for select * from v_mixed order by ref, status', 'fetch 3 from c', 'fetch 2 from c')
    await alike(
      'prepare p (int) as select ssn, contact from v_customers join customers using (id) where id = $1',
      'execute p (3)',
    )
    await alike('prepare q as select * from customers tablesample bernoulli (40) repeatable (9)', 'execute q')
    const text = 'select email from customers where id = any ($1) and ssn <> $2'
    const values = [[1, 2, 3], 'x']
    expect(await seen(world.masked, sent(text), values)).toEqual(await seen(world.atRest, text, values))
  })

  test('COPY, in every format, of a table, of some columns and of a query (6.2, 6.3)', async () => {
    const written = async (client: ViewsWorld['masked'], text: string): Promise<unknown> => {
      const file = `${world.server.dataDir}/copied`
      await client.query(text.replace('stdout', `'${file}'`))
      const { rows } = await client.query('select encode(pg_read_binary_file($1), $2) as bytes', [file, 'escape'])
      return rows
    }
    for (const what of [
      'customers',
      'customers (ssn, id)',
      'public.cards',
      'hr.people',
      'hr.employees',
      'billing.payments_2024',
      '(select * from v_labels)',
      '(table v_directory)',
      '(select c.ssn, o.* from customers c left join orders o using (id) order by id)',
      ...(major === 18 ? ['mv_directory'] : []),
    ])
      for (const how of ['', 'csv', 'binary', '(format csv, header, force_quote *)', "(delimiter '|', null 'none')"]) {
        const text = `copy ${what} to stdout ${how === 'binary' ? '(format binary)' : how}`
        expect(await written(world.masked, sent(text)), text).toEqual(await written(world.atRest, text))
      }
  })

  test('locks are on the same rows of the same tables (6.2)', async () => {
    const locked = async (client: ViewsWorld['masked'], text: string): Promise<unknown> => {
      await client.query('begin')
      await client.query(text)
      const { rows } = await client.query(
        'select relation::regclass::text, mode from pg_locks where pid = pg_backend_pid() and relation >= 16384 order by 1, 2',
      )
      const other = client === world.masked ? 'masked' : 'at_rest'
      const [free] = await world.server.exec(
        'select array_agg(id order by id) as ids from (select id from customers for update skip locked) c',
        other,
      )
      await client.query('rollback')
      return { rows: rows.filter(({ mode }) => mode !== 'AccessShareLock'), free }
    }
    for (const text of [
      'select * from customers where id < 4 for update',
      'select * from customers c join cards k using (id) for update of c',
      'select * from customers c join cards k using (id) for update of k',
      'select customers.id from customers join cards using (id) where customers.id < 4 for no key update of customers',
      'select public.cards.brand from public.cards where public.cards.id < 4 for share of cards nowait',
      'with c as (select * from customers where id < 3 for update of customers) select ssn from c',
      'select * from (select * from customers where id > 7) x for update',
      'select * from customers order by ssn nulls last, id limit 2 for update',
    ])
      expect(await locked(world.masked, sent(text)), text).toEqual(await locked(world.atRest, text))
  })

  test.each([
    ['create view outliving as select ssn from customers', /outlive/],
    ['create materialized view outliving as select ssn from v_labels', /outlive/],
    ['explain select * from v_labels', /a plan would show/],
    ['explain analyze select ssn from customers', /a plan would show/],
    ['select xmin, ssn from customers', /system column `xmin`/],
    ['select c.ctid from v_customers v join customers c using (id)', /system column `ctid`/],
    ['copy billing.payments to stdout', /COPY does not show/],
    ['copy v_customers to stdout', /COPY does not show/],
    ['copy v_labels to stdout', /COPY does not show/],
    ['select * from mv_directory tablesample system (10)', /can not be sampled/],
  ])('%s is refused, with what to do instead', (text, why) => {
    const rewriting = world.rewrite(text)
    expect(rewriting).toMatchObject({ kind: 'impossible', why: expect.stringMatching(why) })
    if (rewriting.kind === 'impossible') expect(rewriting.hint).not.toBe('')
  })
})
