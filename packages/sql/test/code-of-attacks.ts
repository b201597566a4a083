/** Code that hides what it does, each piece in a way of its own. Run as SQL with `public` as the search path. */
export const HIDING_CODE: readonly string[] = [
  'create schema lab',
  `create function lab.by_format(t text) returns void language plpgsql as $$ begin execute format('delete from %I', t); end $$`,
  `create function lab.by_concat() returns void language plpgsql as $$ begin execute 'delete from ' || 'settings'; end $$`,
  `create function lab.by_variable() returns void language plpgsql as $$
     declare q text := 'select 1'; begin q := 'delete from settings'; execute q; end $$`,
  `create function lab.in_handler() returns int language plpgsql as $$
     begin return 1 / 0; exception when division_by_zero then delete from public.settings; return 0; end $$`,
  `create function lab.in_handler_dynamic(q text) returns int language plpgsql as $$
     begin return 1 / 0; exception when others then execute q; return 0; end $$`,
  `create function lab.in_default() returns int language plpgsql as $$ declare n int := public.purge_cancelled(); begin return n; end $$`,
  `create function lab.in_record_default() returns int language plpgsql as $$
     declare r record := row(public.purge_cancelled()); begin return 1; end $$`,
  `create function lab.in_row_default() returns int language plpgsql as $$
     declare r public.settings default (select s from public.settings s where public.purge_cancelled() > 0); begin return 1; end $$`,
  `create function lab.in_cursor() returns int language plpgsql as $$
     declare c cursor for select public.purge_cancelled(); n int; begin open c; fetch c into n; close c; return n; end $$`,
  `create function lab.in_for() returns void language plpgsql as $$
     declare c cursor (a int) for select a; begin for r in c(public.purge_cancelled()) loop null; end loop; end $$`,
  `create function lab.in_raise() returns void language plpgsql as $$ begin raise notice 'n %', public.purge_cancelled(); end $$`,
  `create function lab.in_raise_using() returns void language plpgsql as $$
     begin raise notice using message = public.purge_cancelled()::text; end $$`,
  `create function lab.in_assert() returns void language plpgsql as $$ begin assert true, public.purge_cancelled()::text; end $$`,
  `create function lab.in_subscript() returns void language plpgsql as $$
     declare a int[]; begin a[public.purge_cancelled()] := 1; end $$`,
  `create function lab.in_return_query() returns setof int language plpgsql as $$
     begin return query execute 'delete from settings returning 1'; return query select 1; end $$`,
  `create function lab.in_loop_bound() returns void language plpgsql as $$ begin for i in 1 .. public.purge_cancelled() loop null; end loop; end $$`,
  `create function lab.in_exit() returns void language plpgsql as $$ begin loop exit when public.purge_cancelled() >= 0; end loop; end $$`,
  `create function lab.in_case() returns void language plpgsql as $$
     begin case public.purge_cancelled() when 5 then null; else null; end case; end $$`,
  `create function lab.in_foreach() returns void language plpgsql as $$
     declare n int; begin foreach n in array array[public.purge_cancelled()] loop null; end loop; end $$`,
  `create function lab.in_using() returns void language plpgsql as $$ begin execute 'select $1' using public.purge_cancelled(); end $$`,
  `create function lab.in_block() returns void language plpgsql as $$ begin begin begin delete from public.settings; end; end; end $$`,
  `create function lab.in_open() returns void language plpgsql as $$
     declare c refcursor; begin open c for execute 'select ' || public.purge_cancelled(); end $$`,
  `create function lab.nested_3() returns int language sql as 'select public.purge_cancelled()'`,
  `create function lab.nested_2() returns int language plpgsql as $$ begin return lab.nested_3(); end $$`,
  `create function lab.nested_1() returns int immutable language plpgsql as $$ begin return lab.nested_2(); end $$`,
  `create function lab.even(n int) returns boolean language plpgsql as $$ begin return n = 0 or true; end $$`,
  `create function lab.odd(n int) returns boolean language plpgsql as $$ begin delete from public.settings where k = 'x'; return not lab.even(n - 1); end $$`,
  `create or replace function lab.even(n int) returns boolean language plpgsql as $$ begin return n = 0 or lab.odd(n - 1); end $$`,
  `create function lab.with_path() returns void set search_path = crm language sql as 'delete from contacts'`,
  `create function lab.called_with_path() returns void language plpgsql as $$ begin delete from contacts; end $$`,
  `create function lab.calls_with_path() returns void set search_path = crm, pg_temp language sql as 'select lab.called_with_path()'`,
  `create function lab.with_user_path() returns void set search_path = "$user", public language sql as 'delete from settings'`,
  `create function lab.with_late_path() returns void set search_path = public, pg_catalog language sql as 'select 1'`,
  `create function lab.with_replica() returns void set session_replication_role = replica language sql as 'select 1'`,
  `create function lab.with_timeout() returns void set statement_timeout = 5 language sql as 'select 1'`,
  `create function lab.sets_path() returns void language plpgsql as $$ begin set search_path = crm; end $$`,
  `create function lab.sets_config() returns text language sql as $$ select set_config('search_path', 'crm', false) $$`,
  `create function public.over(a int) returns int language sql as 'select a'`,
  `create function public.over(a int, b int) returns int language sql as 'delete from settings where k = '''' returning 1'`,
  `create function public.over(a int, b int, c text default 'x') returns int language sql as 'select a'`,
  `create function public.many(variadic a int[]) returns int language sql as 'delete from feedback returning 1'`,
  `create function public.many(a int) returns int language sql as 'select a'`,
  `create function public.mixed(a int) returns int language sql as 'select a'`,
  `create function public.mixed(a int, b int default 1) returns int language sql as 'delete from feedback returning 1'`,
  `create function lab.settles(a int) returns int language sql as 'select a'`,
  `create function lab.settles(a text) returns text language sql as 'delete from public.feedback returning body'`,
  'create operator public.@@@ (function = lab.settles, rightarg = int)',
  'create operator public.@@@ (function = lab.settles, rightarg = text)',
  `create function lab."Ünï ""code"""() returns void language sql as 'delete from public.settings'`,
  `create function lab.defaulted(a int default public.purge_cancelled()) returns int language sql as 'select a'`,
  `create function lab.atomic() returns int language sql begin atomic delete from public.settings; select 1; end`,
  `create function lab.returned() returns int language sql return (select count(*) from public.settings)::int`,
  `create function lab.sums(int, int) returns int language plpgsql as $$ begin delete from public.settings; return $1 + $2; end $$`,
  `create aggregate lab.total(int) (sfunc = lab.sums, stype = int, initcond = '0')`,
  `create procedure lab.commits() language plpgsql as $$ begin commit; rollback; end $$`,
  `create function lab.checks(text) returns boolean language plpgsql as $$ begin delete from public.settings; return true; end $$`,
  `create domain lab.checked as text check (lab.checks(value))`,
  `create function lab.in_domain() returns void language plpgsql as $$ declare d lab.checked; begin d := 'x'; end $$`,
  `create function lab.in_parameter(a lab.checked) returns void language sql as 'select 1'`,
  `create function lab.with_row() returns text language plpgsql as $$
     declare r public.customers%rowtype; n public.orders.total%type; begin
     select * into r from public.customers where id = 1; r.name := 'x'; n := 5 % 3; return r.name; end $$`,
  `create function lab.by_variable_name(k text) returns void language plpgsql as $$
     #variable_conflict use_variable
     begin delete from public.settings where k = 'x'; end $$`,
  `create function lab.by_flag(flag boolean) returns void language plpgsql as $$ begin delete from public.settings where flag; end $$`,
  `create function lab.by_parameter(key text) returns void language plpgsql as $$ begin delete from public.settings where k = key; end $$`,
  `create function lab.reads_masked(n int) returns text language sql stable as 'select name from public.customers where id = n'`,
  `create view lab.calling as select id, lab.nested_2() as n from public.orders`,
  `create view lab.formatting as select id, public.fmt_eur(total) as shown from public.orders`,
  `create function lab.fires() returns trigger language plpgsql as $$ begin perform public.purge_cancelled(); return null; end $$`,
  'create table lab.watched (id int, note text)',
  'create trigger fires after insert on lab.watched for each statement execute function lab.fires()',
  // Each calls the next.
  `do $do$ begin for i in reverse 299..0 loop
     execute format('create function lab.link_%s() returns int language sql as %L', i,
       case i when 299 then 'select 1' else format('select lab.link_%s()', i + 1) end);
   end loop; end $do$`,
]
