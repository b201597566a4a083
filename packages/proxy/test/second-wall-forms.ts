import { SYNC } from '@querywarden/wire/postgres'
import { bind, describePortal, execute, parse, type RawClient } from './raw-client.ts'

export const SECRET: string = 'zebra-4417-quartz'
export const SSN: string = '512-84-7731'
export const SCHEMA: string = `
create table customers (id int primary key, name text not null, ssn text not null, secret text not null, pay int);
insert into customers values (1, 'Ada', '${SSN}', '${SECRET}', 1);
create table parts (id int, secret text) partition by list (id);
create table parts_one partition of parts for values in (1);
insert into parts values (1, '${SECRET}');
create table animals (id int, secret text);
create table dogs (breed text) inherits (animals);
insert into dogs values (1, '${SECRET}', 'collie');
create view people as select id, name, secret as word from customers;
create view all_people as select word, id from people;
create materialized view people_then as select id, secret as word from customers;
create table plain (id int, note text);
insert into plain values (1, 'nothing');
`
export const POLICY: string = `version: 1
rules:
  - { id: reads, decision: allow, what: { effects: [read, transaction, session], relations: ["public.*"] } }
  - { id: starts, decision: allow, what: { effects: [transaction, session, read] } }
  - { id: writes, decision: allow, what: { effects: [write], relations: ["public.*"] } }
masks:
  - { columns: ["public.customers.ssn", "public.*.secret"], with: redact }
  - { detect: [us-ssn], with: redact, who: { groups: [looked-at] } }
`

export type How = 'simple' | 'extended, text' | 'extended, binary' | 'extended, not described'
export const HOWS: readonly How[] = ['simple', 'extended, text', 'extended, binary', 'extended, not described']

export async function run(client: RawClient, texts: readonly string[], how: How): Promise<readonly string[]> {
  for (const text of texts.slice(0, -1)) await client.query(text)
  const last = texts.at(-1) ?? ''
  if (how === 'simple') return client.query(last)
  const described = how === 'extended, not described' ? [] : [describePortal()]
  client.send(parse('', last), bind('', '', [], [how === 'extended, binary' ? 1 : 0]), ...described, execute(), SYNC)
  return client.until('Z')
}

/** What the server can tell the origin of. */
export const CAUGHT: Readonly<Record<string, readonly string[]>> = {
  'a plain reference': ['select secret from customers'],
  'a star': ['select * from customers'],
  TABLE: ['table customers'],
  'an alias': ['select c.secret as name from customers as c'],
  'a whole row': ['select c from customers c'],
  'a subquery': ['select x from (select secret as x from customers offset 0) s'],
  'a CTE': ['with w as (select secret from customers) select secret from w'],
  'a materialized CTE': ['with w as materialized (select secret from customers) select * from w'],
  'a data-modifying CTE': ['with w as (update customers set pay = pay + 1 returning secret) select * from w'],
  'a join': ['select p.note, c.secret from plain p join customers c using (id)'],
  LATERAL: ['select l.secret from plain p, lateral (select secret from customers c where c.id = p.id) l'],
  'a view': ['select word from people'],
  'a view of a view': ['select * from all_people'],
  'a materialized view': ['select word from people_then'],
  'a partitioned table': ['select secret from parts'],
  'a partition': ['select secret from parts_one'],
  'an inheritance parent': ['select secret from animals'],
  'an inheritance child': ['select * from dogs'],
  ONLY: ['select secret from only customers'],
  'GROUP BY of a key': [
    'select c.secret, c.name, count(p.id) from customers c left join plain p using (id) group by c.id',
  ],
  'RETURNING of an upsert': [
    'begin',
    "insert into customers values (1, 'B', 'x', 'y', 1) on conflict (id) do update set name = excluded.name returning secret, (xmax = 0) as inserted, xmin",
  ],
  'RETURNING of UPDATE': ['update customers set pay = 3 where id = 1 returning secret'],
  'RETURNING of DELETE': ['begin', 'delete from customers where id = 1 returning *'],
  'RETURNING of INSERT': ['begin', "insert into customers values (2, 'B', 'x', 'a secret', 1) returning secret"],
  'a cursor': ['begin', 'declare c cursor for select secret from customers', 'fetch all from c'],
  'a held cursor': ['begin', 'declare c cursor with hold for select secret from customers', 'commit', 'fetch 1 from c'],
  'a binary cursor': ['begin', 'declare c binary cursor for select secret from customers', 'fetch all from c'],
  'a prepared statement': ['prepare p as select secret from customers', 'execute p'],
  'COPY of a table': ['copy customers to stdout'],
  'COPY of columns': ['copy public.customers (id, SECRET) to stdout with (format csv, header)'],
  'COPY of a query': ["copy (select ')', secret from customers) to stdout"],
  'COPY of a query, binary': ['copy (select * from (table customers) t) to stdout (format binary)'],
  'COPY of a view': ['copy (select word from people) to stdout csv'],
}

/** A value that an expression makes has no origin: only what looks at values sees these. */
export const COMPUTED: Readonly<Record<string, readonly string[]>> = {
  'an expression': ["select secret || '' as a, ssn || '' as b from customers"],
  'an aggregate': ['select max(secret) as a, max(ssn) as b from customers'],
  'a set operation': ['select secret as a, ssn as b from customers union select note, note from plain'],
  'a subquery for a value': [
    'select (select secret from customers where id = 1) as a, (select ssn from customers where id = 1) as b',
  ],
  'JSON of a row': ['select to_jsonb(c) as a from customers c'],
  'an array': ['select array(select secret from customers) as a, array(select ssn from customers) as b'],
  'a whole row of a subquery': ['select s from (select secret, ssn from customers) s'],
  'COPY of an expression': ["copy (select secret || '', ssn || '' from customers) to stdout"],
}
