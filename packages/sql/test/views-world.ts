import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog, MaskSql, RelationName, Rewriting } from '@querywarden/policy-core'
import { Client, type QueryArrayResult } from 'pg'
import { catalogOf } from './adversarial-database.ts'
import { classifierAndRewriter, type Pair, rewriteText } from './rewriting.ts'

/** What of a value the masks of this world show: enough that predicates on it pick some rows and not others. */
const shown = (reference: string): string => `left(${reference}, 3) || '~'`

export const halfMask: MaskSql = (_, { type }, reference) => `(${shown(reference)})::${type}`

const MASKED: ReadonlySet<string> = new Set(
  [
    ['public', 'customers', 'ssn'],
    ['public', 'customers', 'email'],
    ['public', 'cards', 'pan'],
    ['hr', 'people', 'national_id'],
    ['hr', 'employees', 'national_id'],
    ['hr', 'employees', 'account'],
    ['billing', 'payments', 'iban'],
    ['billing', 'payments_2024', 'iban'],
  ].map(each => JSON.stringify(each)),
)
export const isMaskedHere = ({ schema, name }: RelationName, column: { readonly name: string }): boolean =>
  MASKED.has(JSON.stringify([schema, name, column.name]))

const TABLES = `
create schema hr;
create schema billing;
create table customers (id int primary key, name text, ssn text, email varchar(40), region text);
create table orders (id int primary key, customer_id int, status text, note text);
create table cards (id int primary key, customer_id int, pan varchar(20), brand text);
create table hr.people (id int, full_name text, national_id text);
create table hr.employees (account text) inherits (hr.people);
create table billing.payments (id int, customer_id int, paid date, iban text) partition by range (paid);
create table billing.payments_2024 partition of billing.payments for values from ('2024-01-01') to ('2025-01-01');
create table billing.payments_rest partition of billing.payments default;
create index on orders (customer_id);
create index on cards (customer_id);
`

/** Rows, of which the masked database holds what the masks show. */
const rows = (mask: (reference: string) => string): string => `
insert into customers select g, 'name ' || g % 5, ${mask('s')}, ${mask('e')}, (array['EU','US','APAC'])[1 + g % 3]
  from (select g, case when g % 7 = 0 then null else (100 + g % 4 * 111) || '-' || g end as s,
        'm' || g % 3 || 'x' || g || '@example.com' as e from generate_series(1, 20) g) v;
insert into orders select g, 1 + g % 22, (array['new','paid','shipped'])[1 + g % 3], nullif('note ' || g % 4, 'note 2') from generate_series(1, 30) g;
insert into cards select g, 1 + g % 20, ${mask('p')}, (array['visa','amex'])[1 + g % 2] from (select g, '41' || g % 3 || '1-' || g as p from generate_series(1, 12) g) v;
insert into hr.people select g, 'person ' || g, ${mask('n')} from (select g, 'GB' || g % 2 || '-' || g as n from generate_series(1, 3) g) v;
insert into hr.employees select g, 'person ' || g, ${mask('n')}, ${mask('a')} from (select g, 'SE' || g % 2 || '-' || g as n, 'AC' || g % 2 || g as a from generate_series(4, 7) g) v;
insert into billing.payments select g, 1 + g % 9, date '2023-06-01' + g * 60, ${mask('i')} from (select g, 'DE' || g % 2 || 'x' || g as i from generate_series(1, 14) g) v;
`

const VIEWS = `
create view v_customers as select id, name, email as contact, ssn as tax_ref from customers;
create view v_directory as select id as ref, name as label, tax_ref as code, contact as handle from v_customers;
create view v_labels (id, caption) as select id, name || ' <' || email || '> #' || coalesce(ssn, '-') from customers;
create view v_everyone as select 'customer' as src, id, name as who, ssn as ident from customers
  union all select 'person', id, full_name, national_id from hr.people;
create view v_doc as select id, to_jsonb(c) as doc from customers c;
create view v_row as select id, c as rec from customers c;
create view v_lateral as select f.* from customers c, lateral (select c.id as n, c.ssn as v) f;
create view v_filtered as select id, name from customers where ssn like '%-1%';
create view v_safe as select id, upper(name) as shout, region from customers where region <> 'US';
create view v_groups as select region, count(distinct ssn) as n, min(ssn) as first from customers group by region;
create view v_distinct as select distinct ssn, region from customers;
create view v_first as select id, ssn from customers order by ssn nulls last, id limit 5;
create view v_mixed as select d.ref, d.code, l.caption, o.status from v_directory d join v_labels l on l.id = d.ref left join orders o on o.customer_id = d.ref;
create view v_copies as select o.id as order_id, o.status, c.email as ship_to, k.pan from orders o join customers c on c.id = o.customer_id left join cards k on k.customer_id = c.id where o.status <> 'new';
create view v_joined as select c.id, k.brand from customers c join cards k on right(k.pan, 1) < right(c.ssn, 1);
create view v_window as select id, rank() over (partition by ssn order by id) as n from customers;
create view v_barrier with (security_barrier) as select id, name, upper(email) as mail from customers where region = 'EU';
create view v_barrier_copies with (security_barrier) as select id, ssn as gov from customers where region = 'EU';
create view v_invoker with (security_invoker) as select id, left(ssn, 1) as s from customers;
create recursive view v_chain (id, path) as select id, ssn from customers where id < 3
  union all select c.id, v_chain.path || '/' || coalesce(c.ssn, '') from customers c join v_chain on c.id = v_chain.id + 5;
create view v_with as with k as materialized (select id, ssn from customers), m(x, y) as (select * from k where ssn is not null) select x, y || '!' as y from m;
create view v_only as select id, national_id || '' as n from only hr.people;
create view v_family as select id, full_name, national_id from hr.people;
create view v_sample as select id, reverse(ssn) as back from customers tablesample bernoulli (50) repeatable (7);
create view v_ibans as select customer_id, string_agg(iban, ',' order by id) as ibans from billing.payments group by customer_id;
create view v_typed as select id, email, left(pan, 3)::varchar(10) as head, null as nothing, 1.50 as price, email || '' as plain from customers join cards using (id);
create view v_using as select * from v_customers natural join v_safe;
create view v_sub as select id, (select max(pan) from cards k where k.customer_id = c.id) as card, exists (select from cards k where k.pan > c.ssn) as any from customers c;
create view "Odd ""view""" ("Col ""x""", "ssn") as select id, ssn || 'ü' from customers;
create materialized view mv_directory as select id, name, ssn as gov_id, email as e from customers;
create materialized view mv_groups as select region, min(ssn) as first from customers group by region;
create view v_over_stored as select id, gov_id || '' as g from mv_directory;
analyze;
`

/** A database with masks, and one whose values are those that the masks show. */
export interface ViewsWorld {
  readonly server: PostgresServer
  readonly catalog: Catalog
  readonly pair: Pair
  /** What is sent instead of a text to the database with masks. */
  readonly rewrite: (text: string) => Rewriting
  readonly masked: Client
  readonly atRest: Client
  readonly stop: () => Promise<void>
}

/** Opens both, each with what `more` adds to it. */
export async function openViewsWorld(major: 15 | 16 | 17 | 18, more = ''): Promise<ViewsWorld> {
  const server = await startPostgres({ major, database: 'masked' })
  await server.exec('create database at_rest')
  await server.exec(TABLES + rows(reference => reference) + VIEWS + more)
  await server.exec(TABLES + rows(shown) + VIEWS + more, 'at_rest')
  const catalog = await catalogOf(server)
  const pair = await classifierAndRewriter()
  const connect = async (database: string): Promise<Client> => {
    const url = new URL(server.url)
    url.pathname = database
    const client = new Client({ connectionString: url.href })
    await client.connect()
    return client
  }
  const [masked, atRest] = [await connect('masked'), await connect('at_rest')]
  return {
    server,
    catalog,
    pair,
    masked,
    atRest,
    rewrite: text => rewriteText(pair, text, catalog, isMaskedHere, halfMask),
    stop: async () => {
      await Promise.all([masked.end(), atRest.end()])
      await server.stop()
    },
  }
}

export type Seen =
  | { readonly columns: readonly string[]; readonly rows: readonly string[] }
  | { readonly code: unknown }

/** What a client sees of a statement: names and types of columns, and rows in no order; or the error's code. */
export async function seen(client: Client, text: string, values: readonly unknown[] = []): Promise<Seen> {
  try {
    const result: QueryArrayResult = await client.query({
      text,
      rowMode: 'array',
      values: [...values],
      types: { getTypeParser: () => String },
    })
    const { fields, rows: found } = result
    // A row of a masked relation is of no type of its own, and a relation's type has another number in each database.
    const columns = fields.map(({ name, dataTypeID: type }) => `${name} ${type >= 16_384 ? 2249 : type}`)
    return { columns, rows: found.map(row => JSON.stringify(row)).sort() }
  } catch (error) {
    return { code: typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error) }
  }
}
