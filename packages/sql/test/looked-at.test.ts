import { beforeAll, expect, test } from 'vitest'
import { classifierAndRewriter, type Pair } from './rewriting.ts'
import { smallCatalog } from './small-catalog.ts'

let pair: Pair
beforeAll(async () => {
  pair = await classifierAndRewriter()
})

const catalog = smallCatalog()
const LOOKS: ReadonlySet<string> = new Set(['predicate', 'join', 'group', 'order'])

/** Whether a statement looks at `ssn` rather than show or write it: what `predicates: deny` refuses. */
function looksAtSsn(text: string): boolean {
  const facts = pair.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts.columns.some(({ column, role }) => (column === 'ssn' || column === '*') && LOOKS.has(role))
}

test.each([
  "select id from customers where ssn = 'x'",
  'select id from customers order by ssn',
  'select id, ssn from customers order by 2',
  'select ssn as s from customers order by s',
  'select distinct ssn from customers',
  'select distinct on (ssn) id from customers',
  'select count(distinct ssn) from customers',
  'select count(*) from customers group by ssn',
  'select count(*) from customers having max(ssn) > $1',
  'select ssn from customers union select name from customers',
  'select name from customers intersect select ssn from customers',
  'select ssn from customers except all select name from customers where ssn is null',
  'select rank() over (order by ssn) from customers',
  'select count(*) over (partition by ssn) from customers',
  'select count(*) filter (where ssn is null) from customers',
  'select string_agg(name, $1 order by ssn) from customers',
  'select 1 from orders o join customers c on c.ssn = o.note',
  'select 1 from customers a join customers b using (ssn)',
  'select 1 from customers a natural join customers b',
  'select 1 from orders o where exists (select 1 from customers c where c.ssn = o.note)',
  'select 1 from orders where note in (select ssn from customers)',
  'select x from (select ssn as x from customers) q where x like $1',
  'with w as (select ssn as x from customers) select 1 from w where x = $1',
  'select 1 from customers c where c::text like $1',
  'select id from customers where case when ssn = $1 then true else false end',
  'update customers set name = $1 where ssn = $2',
  'delete from customers using orders o where o.note = customers.ssn',
  "insert into customers (id) values (1) on conflict (id) do update set name = 'x' where customers.ssn = $1",
  'select * from customers where (id, ssn) = ($1, $2)',
  'select ssn from customers limit (select count(*) from customers where ssn = $1)',
])('looked at: %s', text => {
  expect(looksAtSsn(text)).toBe(true)
})

test.each([
  'select ssn from customers where id = 1 order by id',
  'select upper(ssn), ssn = $1 from customers',
  'select max(ssn) from customers group by name',
  'select ssn from customers union all select name from customers',
  'update customers set name = ssn where id = 1 returning ssn',
  'insert into customers (id, ssn) values (1, $1)',
])('shown or written: %s', text => {
  expect(looksAtSsn(text)).toBe(false)
})
