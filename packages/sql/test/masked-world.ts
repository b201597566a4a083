/** A database in which values travel in every way that a schema has for it. `plain` columns show none of them. */
export const MASKED_WORLD = `
create schema hr;
create schema lab;
create domain lab.ssn_t as text check (value <> '');
create domain lab.strict_ssn as lab.ssn_t;
create type lab.person as (name text, ssn lab.ssn_t);

create table hr.people (id int primary key, ssn text unique, note text, plain int);
create view lab.renamed (a, b) as select id, ssn from hr.people;
create view lab.nested ("Other name") as select b from lab.renamed;
create view lab.barrier with (security_barrier) as select ssn from hr.people where plain > 0;
create view lab.invoker with (security_invoker = on, security_barrier = false) as select ssn from hr.people;
create view lab.expressed as select upper(substr(ssn, 1, 3)) as start, 1 as one from hr.people;
create recursive view lab.recursive (id, ssn) as
  select id, ssn from hr.people union select id + 1, ssn from recursive where id < 3;
create view lab.numbers as select generate_series(1, 3) as n;
create materialized view lab.stored as select "Other name" as kept from lab.nested;
create view lab.over_stored as select kept from lab.stored;

create table hr.payments (id int, iban text, at date, unique (id, at)) partition by range (at);
create table hr.payments_2024 partition of hr.payments for values from ('2024-01-01') to ('2025-01-01');
create table hr.payments_rest partition of hr.payments default partition by range (at);
create table hr.payments_old partition of hr.payments_rest for values from ('2000-01-01') to ('2024-01-01');
create view lab.of_partition as select iban as "account no", id from hr.payments_old;
create materialized view lab.deep as select "account no" as x from lab.of_partition;

create table hr.parent (k text, plain int);
create table hr.child (secret text) inherits (hr.parent);
create table hr.grandchild (extra int) inherits (hr.child);

create table hr.computed (first text, last text, whole text generated always as (first || last) stored, plain int);
create table hr.moved (who hr.people, all_of_them hr.people[], plain int);
create domain lab.person_d as lab.person;
create table hr.typed of lab.person;
create table hr.wrapped (one lab.person_d, many lab.person[], plain int);
create table hr.domained (s lab.strict_ssn, several lab.ssn_t[], plain int);
create table hr.refers (id int, ssn text references hr.people (ssn) on update cascade, plain int);
create table hr.searched (body text, words tsvector, plain int);
create trigger words before insert or update on hr.searched for each row
  execute function tsvector_update_trigger(words, 'pg_catalog.simple', body);
create table lab.alike (like hr.people including all);

create extension postgres_fdw;
create server loopback foreign data wrapper postgres_fdw;
create foreign table lab.far (id int, code text options (column_name 'ssn')) server loopback options (schema_name 'hr', table_name 'people');
create foreign table lab.payments (iban text) server loopback options (schema_name 'elsewhere');
create view lab.over_far as select code from lab.far;

create table hr.booked (room int, during int4range, code text, low text, kind text, stray int, exclude using gist (during with &&));
create unique index on hr.booked (lower(code)) where kind = 'x';
create unique index on hr.booked (room) include (stray);
create unique index on hr.grandchild (secret);
create unique index on hr.computed ((computed is null)) where first > '';
create index on hr.booked (low);
create domain hr.code_t as text default 'x';
create table hr.paired (k int unique nulls not distinct, region text, ssn text default 'none', code hr.code_t unique, unique (region, ssn), unique nulls not distinct (k, region));
create unique index on hr.paired (k) where region || ssn > '';
`
