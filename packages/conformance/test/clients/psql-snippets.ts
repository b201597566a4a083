/** What psql does besides plain queries, each part on its own; they come one after the other in one session. */
export const SNIPPETS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    DO: "do $$ begin raise notice 'hello %', 1; raise warning 'careful' using hint = 'look'; end $$;",
    CALL: 'call shop.nothing();\nselect 1;',
    'a view with a rule': 'select * from big_orders order by id limit 2;',
    'a function of the database': 'select shop.add(1, 2);',
    'verbose errors': String.raw`\set VERBOSITY verbose
select 1/0;
\errverbose
\echo :SQLSTATE :LAST_ERROR_MESSAGE
select 'a'::int;
insert into orders (customer_id, total) values (99999, 1);
insert into customers (name) values ('x');
\set VERBOSITY default`,
    '\\gdesc': String.raw`select 1 as one, 'x'::text as t, id, total from orders \gdesc`,
    '\\gx, \\pset null, expanded': String.raw`\pset null NULL
select * from customers where id = 1 \gx
select null as n;
\x on
select 1 as a, 2 as b;`,
    '\\gset, \\gexec, \\crosstabview': String.raw`select id as lastid, name from customers order by id limit 1 \gset my_
\echo :my_lastid :my_name
select 'select ' || g from generate_series(1, 3) g \gexec
select id, mood, count(*) from customers group by 1, 2 order by 1 limit 5 \crosstabview id mood count
\echo :ROW_COUNT :SQLSTATE :ERROR`,
    'output to files and programs': String.raw`select 1 as a \g | cat
\o | cat
select 2 as b;
\o`,
    formats: String.raw`\pset format csv
select id, tags, info from customers order by id limit 2;
\pset format html
select 1 as a;
\pset format unaligned
table totals order by 1 limit 2;`,
    variables: String.raw`\set who 'name 3'
select id from customers where name = :'who';
\set col total
select :"col" from orders where id = 1;
\if :{?who}
select 'is set' as who;
\endif`,
    ON_ERROR_ROLLBACK: String.raw`\set ON_ERROR_ROLLBACK on
begin;
insert into orders (customer_id, total, placed) values (1, 1, '2030-01-01') returning id > 0 as ok;
select 1/0;
select 'still here' as here;
insert into orders (customer_id, total, placed) values (1, 1, '2030-01-01');
select count(*) from orders;
rollback;`,
    'AUTOCOMMIT off': String.raw`\set AUTOCOMMIT off
select 1 as a;
savepoint a;
select 1/0;
rollback to a;
commit;`,
    'single transaction of several statements in one text': String.raw`select 1 as a\; select 2 as b\; select 3 as c;
insert into orders (customer_id, total, placed) values (1, 5, '2031-01-01')\; select 1/0;
select count(*) from orders where placed = '2031-01-01';`,
    '\\copy out': String.raw`\copy (select id, name from customers order by id limit 3) to stdout
\copy (select id, tags, info from customers order by id limit 3) to stdout with (format csv, header)
\copy customers (name, email) to stdout csv
copy customers (id, name) to stdout (delimiter '|', null 'nil');`,
    '\\copy in': String.raw`create table cp (a int, b text);
\copy cp from stdin
1	one
2	\N
3	a\tb
\.
copy cp from stdin (format csv);
4,"x,y"
5,
\.
copy cp from stdin;
notanumber	x
\.
table cp;
\copy cp from program 'printf "7\\tseven\\n8\\teight\\n"'
select count(*) from cp;
drop table cp;`,
    '\\watch until it fails': String.raw`\t on
create sequence ticks;
select 10 / (3 - nextval('ticks')) as v \watch 0.05
drop sequence ticks;`,
    definitions: String.raw`create table t2 as select g as a from generate_series(1, 5) g;
update t2 set a = a + 1 where a > 2 returning a;
alter table t2 add b text;
\d t2
create function f(int) returns int language sql as 'select $1';
\df f
drop function f;
create role somebody;
grant select on t2 to somebody;
\dp t2
drop owned by somebody;
drop role somebody;
drop table t2;`,
    maintenance: `vacuum orders;
vacuum (analyze, verbose false) customers;
analyze;
reindex table orders;
cluster customers using customers_pkey;
checkpoint;
lock table orders;
begin;
lock table orders in access share mode;
commit;`,
    settings: String.raw`set datestyle to german;
select date '2024-02-03' as d;
set timezone to 'Europe/Berlin';
show timezone;
reset timezone;
reset datestyle;
set statement_timeout = '50ms';
select pg_sleep(5);
reset statement_timeout;
set local work_mem = '1MB';
\encoding
set application_name to 'mine';
show application_name;
select current_setting('work_mem') as mem;`,
    'large objects': String.raw`select lo_from_bytea(4242, 'abc') as oid;
\lo_list
select lo_unlink(4242);`,
    'what is empty': `;
select 1 as a where false;
select;
select from orders where false;
create table nothing ();
table nothing;
drop table nothing;`,
    explain: `explain (costs off) select * from customers where id = 1;
explain (costs off, analyze, timing off, summary off, buffers off) update orders set total = total where id = 1;`,
  }),
)

/** What the gateway doesn't understand, or whose effects it can't know: it runs where the policy allows `unknown`. */
export const NOT_UNDERSTOOD: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'a relation that does not exist': 'select * from nowhere;',
    'DO with SQL made at run time': "do $$ begin execute format('select %s', 1); raise notice 'hello'; end $$;",
    'what is written to a temporary table':
      'create temp table tt as select 1 as a;\ninsert into tt values (2);\nselect count(*) from tt;',
    'a table made in the same transaction':
      'begin;\ncreate table fresh (a int);\ninsert into fresh values (1);\ncommit;\ndrop table fresh;',
    'an extension’s function that is not immutable': "select length(gen_salt('md5'));",
  }),
)

/** Statements on what earlier ones have left in the session. */
export const OF_THE_SESSION: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'PREPARE and EXECUTE':
      'prepare p (int) as select name from customers where id = $1;\nexecute p (3);\ndeallocate p;\nexecute p (3);',
    'DECLARE and FETCH':
      'begin;\ndeclare c cursor for select id from customers order by id;\nfetch 2 from c;\nmove 1 from c;\nfetch all from c;\nclose c;\ncommit;',
    FETCH_COUNT: String.raw`\set FETCH_COUNT 7
select id from customers order by id;
select 1/0;
select id, 100 / (15 - id) from customers order by id;
\unset FETCH_COUNT`,
  }),
)

/** What no policy allows, with its SQLSTATE. */
export const DENIED: readonly (readonly [text: string, sqlstate: string])[] = [
  ['set search_path = shop;', '42501'],
  ['set role reader;', '42501'],
  ['set session authorization reader;', '42501'],
  ["set client_encoding = 'LATIN1';", '42501'],
  ['reset all;', '42501'],
  ['discard all;', '42501'],
  ['listen channel;', '0A000'],
  ['begin\\; select 1\\; commit;', '0A000'],
  ['select * from app.public.orders;', '42501'],
  ['\\lo_import /etc/hostname', '0A000'],
  ['\\lo_unlink 1', '0A000'],
]
