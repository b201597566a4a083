/** A small database with names that need care. */
export const SHAPES_SCHEMA = `
create schema shop; create schema "Odd ""schema""";
create table public.people (id int primary key, name text, email varchar(40), ssn text, born date, tags text[], boss int);
insert into public.people values
  (1, 'Ada', 'ada@x.example', '111-11-1111', '1980-01-01', '{a,b}', null), (2, 'Bob', 'bob@x.example', '222-22-2222', '1985-05-05', '{b}', 1),
  (3, 'Cy', 'cy@x.example', '333-33-3333', '1990-09-09', null, 1), (4, 'Dee', null, '444-44-4444', null, '{}', 2);
create table shop.orders (id int primary key, person int, total numeric(10,2), note text);
insert into shop.orders values (10, 1, 9.50, 'n1'), (11, 1, 20.00, null), (12, 2, 3.25, 'n3'), (13, 9, 1.00, 'n4');
create table shop.people (id int, nick text);
insert into shop.people values (1, 'one'), (2, 'two');
create table "Odd ""schema"""."Tëst ""quoted""" ("Id" int, "sel ect" text, "ünï" varchar(10), "qw" text);
insert into "Odd ""schema"""."Tëst ""quoted""" values (1, 's1', 'u1', 'q1'), (2, 's2', 'u2', 'q2');
create table public.parent (id int, secret text); create table public.child (extra int) inherits (public.parent);
insert into public.parent values (1, 'p1'); insert into public.child values (2, 'c2', 7);
create table public.parts (id int, secret text) partition by range (id);
create table public.parts_low partition of public.parts for values from (0) to (10);
insert into public.parts values (1, 'low');
create table public.computed (id int, a int, b int generated always as (a * 2) stored);
insert into public.computed (id, a) values (1, 5), (2, 6);
create table public.copies (id int, name text, ssn text);
`

/** Queries whose rows, columns and types must not change when every relation is put behind masks that change nothing. */
export const SHAPES: readonly string[] = [
  'select * from people order by id',
  'select id, ssn from public.people order by 1',
  'select p.* from people p order by p.id',
  'select p from people p order by p.id',
  'select people from people order by id',
  'select (p).ssn, (p).tags[1] from people p order by id',
  'select public.people.ssn, people.name from public.people order by public.people.id',
  'select public.people.* from public.people order by 1',
  'select shapes.public.people.id from public.people order by 1',
  'table people order by 1',
  'with a as (select 1) table people order by 1',
  '(table people) order by 1',
  'values (0, null, null, null, null::date, null::text[], null::int) union all table only (people) order by 1',
  'table only public.people order by 1',
  'select * from only people order by 1',
  'select * from only (public.people) as p order by 1',
  'select * from only(people)p order by 1',
  'select * from people * order by 1',
  'select * from people*,shop.orders order by people.id, orders.id',
  'select * from people as p (a, b, c) order by a',
  'select * from people p(a) where a > 1 order by a',
  'select x, y from people x(y) order by y',
  'select p.id, o.total from people p join shop.orders o on o.person = p.id order by 2',
  "select * from people p left join shop.orders o on o.person = p.id and p.ssn like '1%' order by p.id, o.id",
  'select * from people a join shop.people b using (id) order by id',
  'select * from public.people natural join (select 1 as id) as one',
  'select j.id from (people a join shop.people b using (id)) as j order by 1',
  'select * from people a join shop.people b using (id) as u order by u.id',
  'select * from people a full join shop.orders b on a.id = b.person order by a.id nulls last, b.id',
  'select * from people cross join shop.people s order by people.id, s.id',
  'select p.id, l.total from people p, lateral (select total from shop.orders o where o.person = p.id) l order by 1, 2',
  'select p.id, t from people p, unnest(p.tags) as t order by 1, 2',
  'select p.id, t from people p left join lateral unnest(p.tags) with ordinality as u(t, n) on true order by 1, 2',
  'select id from people where id in (select person from shop.orders) order by 1',
  'select id, (select max(total) from shop.orders where person = people.id) from people order by 1',
  "select exists (select from people where ssn = '222-22-2222')",
  'select array(select ssn from people order by id)',
  'select * from (select * from (select id, ssn from people) a) b order by 1',
  'with p as (select * from people) select * from p order by id',
  'with people as (select id, ssn from public.people) select * from people order by id',
  'with people as (select id, name from people) select * from people order by id',
  'with a as (select * from people), people as (select id from a where id > 2) select * from people order by 1',
  'with recursive people as (select id, boss from public.people where boss is null union all select c.id, c.boss from public.people c join people on c.boss = people.id) select * from people order by id',
  'with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select n, p.ssn from t join people p on p.id = n order by 1',
  'select * from people where id > 1 union select * from people where id < 3 order by 1',
  'table people union all table people order by 1',
  '(select id from people limit 1) union all (select id from people order by id desc limit 1)',
  'select ssn from people intersect select ssn from people where id < 3 order by 1',
  "select count(*), max(ssn), string_agg(name, ',' order by id) from people",
  'select born, count(*) from people group by born order by born',
  'select id, rank() over (partition by boss order by ssn) from people order by 1',
  'select distinct on (boss) boss, id from people order by boss, id',
  "select case when ssn like '1%' then email else name end from people order by id",
  'select row_to_json(p) from people p order by id',
  'select to_jsonb(people) from people order by people.id',
  'select p::text from people p order by id',
  'select jsonb_agg(t order by t.id) from (select id, ssn from people) t',
  'select * from people where (id, boss) = (select 2, 1)',
  'select * from people where row(people.*) is not null order by id',
  'select coalesce(email, ssn) from people order by coalesce(email, ssn) collate "C"',
  'select * from "Odd ""schema"""."Tëst ""quoted""" order by 1',
  'select "Tëst ""quoted"""."sel ect", "ünï", "qw" from "Odd ""schema"""."Tëst ""quoted""" where "ünï" <> \'é\' order by 1',
  'select "Odd ""schema"""."Tëst ""quoted"""."Id" from "Odd ""schema"""."Tëst ""quoted""" order by 1',
  'select U&"p\\00e9ople".id from people as U&"p\\00e9ople" order by 1',
  'select * from U&"p!0065ople" uescape \'!\' order by 1',
  'select public.U&"p!0065ople" uescape \'!\' . id from public . U&"p!0065ople" uescape \'!\' order by 1',
  "select 'é→𝄞', ssn from people where name <> 'ü' order by id",
  'SELECT"id"FROM"people"WHERE"id"=1',
  'select * from parent order by 1',
  'select * from only parent order by 1',
  'select id, secret from child order by 1',
  'select * from parts order by 1',
  'select * from parts_low',
  'select p.id from people p where exists (select 1 from people q where q.boss = p.id and q.ssn > p.ssn) order by 1',
  'select * from people p where p.ssn = any (select q.ssn from people q where q.id = 2)',
  "values ((select ssn from people where id = 1)), ('x')",
  'select generate_series(1, (select count(*) from people))',
  "select * from rows from (generate_series(1, 2), unnest(array['a'])) as r(n, t) join people on people.id = r.n order by 1",
  'select grouping(boss), boss, count(*) from people group by rollup (boss) order by 1, 2',
  'select * from people limit (select 1)',
  'select * from people order by (select max(id) from shop.orders), id offset 1 fetch first 2 rows only',
  'select sum(total) filter (where note is not null) over (order by o.id) from shop.orders o order by o.id',
  'select id from people window w as (order by id) order by 1',
]

/** Statements that change things, with the query that shows what came of them. */
export const CHANGES: readonly (readonly [string, string])[] = [
  ['insert into copies select id, name, ssn from people returning *', 'select * from copies order by 1'],
  ['insert into copies (id, ssn) select id, max(ssn) from people group by id', 'select * from copies order by 1'],
  [
    'insert into copies with p as (select * from people) select id, name, ssn from p',
    'select * from copies order by 1',
  ],
  ['update shop.orders set note = p.name from people p where p.id = person', 'select * from shop.orders order by 1'],
  [
    'update shop.orders set note = (select name from people where people.id = person) where id < 12 returning note',
    'select * from shop.orders order by 1',
  ],
  [
    'update shop.orders set (note, total) = (select name, id from people where id = person) where person < 3',
    'select * from shop.orders order by 1',
  ],
  [
    "delete from shop.orders using people where people.id = person and ssn like '1%' returning orders.id",
    'select * from shop.orders order by 1',
  ],
  ['delete from shop.orders where person not in (select id from people)', 'select * from shop.orders order by 1'],
  [
    'merge into shop.orders o using people p on p.id = o.person when matched then update set note = p.name',
    'select * from shop.orders order by 1',
  ],
  [
    'with gone as (delete from copies returning *) select * from people left join gone using (id) order by 1',
    'select * from copies',
  ],
  ['create table made as select * from people', 'select * from made order by 1'],
  ['create table made as table only people', 'select * from made order by 1'],
  ['create table made as table people', 'select * from made order by 1'],
  [
    'create table made (a, b) as with p as (select * from people) select id, ssn from p',
    'select * from made order by 1',
  ],
  ['select * into made from people', 'select * from made order by 1'],
]
