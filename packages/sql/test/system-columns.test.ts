import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

const UPSERT =
  "insert into customers (id, name, region) values (1, 'n', 'EU'), (99, 'm', 'US') on conflict (id) do update set name = excluded.name"

const SERVED: readonly string[] = [
  `${UPSERT} returning (xmax = 0) as inserted`,
  `${UPSERT} returning id, ssn, customers.xmax = 0 as inserted`,
  "update customers c set name = 'x' where id < 3 returning c.id, c.xmax::text, c.cmax::text, c.ssn",
  'with u as (insert into customers (id) values (77) on conflict (id) do nothing returning xmax = 0 as fresh) select fresh from u',
  // Of relations without masks all of them.
  'select o.ctid, c.ssn from orders o join customers c on c.id = o.customer_id',
  'delete from orders where ctid in (select o.ctid from orders o join customers c on c.id = o.customer_id where c.region = $$EU$$)',
]

describe.each([15, 18] as const)('system columns, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major)
  }, 120_000)
  afterAll(() => world?.stop())

  test.each(SERVED)('%s', async text => {
    const rewriting = world.rewrite(text)
    if (rewriting.kind === 'impossible') throw new Error(rewriting.why)
    const heard = await Promise.all(
      [world.masked, world.atRest].map(async client => {
        await client.query('begin')
        const shown = await seen(client, client === world.masked ? rewriting.text : text)
        await client.query('rollback')
        return shown
      }),
    )
    expect(heard[0]).toHaveProperty('rows')
    expect(heard[0]).toEqual(heard[1])
  })

  test.each([
    'select ctid from customers',
    'select c.xmin from customers c',
    'select (c).xmin from customers c',
    'select o.id from orders o join customers c using (ctid)',
    // Where a row is stored tells of its length, and of which partition it is what it is parted by.
    "update customers set name = 'x' returning ctid",
    "insert into billing.payments (id, paid) values (1, '2024-02-01') returning tableoid",
    'delete from customers where ctid = (select min(ctid) from customers)',
    // It may be of one or the other.
    'update orders o set note = null from customers c where c.id = o.customer_id returning xmax',
    `${UPSERT} where excluded.xmin is null`,
    'select (select xmin from (select o.id) o2) from customers, orders o',
  ])('%s is refused: what a masked row is stored as is not shown (6.4)', text => {
    expect(world.rewrite(text)).toMatchObject({ kind: 'impossible', why: expect.stringMatching(/system column/) })
  })
})
