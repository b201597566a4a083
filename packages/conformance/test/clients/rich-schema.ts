/** One of nearly everything that a database can hold: what \d shows and what a dump writes down. */
export const RICH_SCHEMA: string = `create schema shop;
create role reader nologin;
create type shop.mood as enum ('low', 'fine', 'high');
create domain shop.positive as int check (value > 0);
create type shop.pair as (a int, b text);
create sequence shop.numbers start 10;
create table public.customers (
  id int generated always as identity primary key,
  name text not null,
  email text unique,
  mood shop.mood default 'fine',
  age shop.positive,
  tags text[] default '{}',
  info jsonb,
  made timestamptz not null default '2024-05-06 07:08:09+00',
  shout text generated always as (upper(name)) stored,
  constraint long_enough check (length(name) > 1)
);
comment on table public.customers is 'who buys';
comment on column public.customers.email is 'one address';
create index customers_mood on public.customers (mood, lower(name)) where age is not null;
create table public.orders (
  id serial primary key,
  customer_id int not null references public.customers on delete cascade,
  total numeric(10, 2) not null,
  placed date not null default '2024-01-02',
  unique (customer_id, placed)
);
create table public.events (at date not null, what text) partition by range (at);
create table public.events_2024 partition of public.events for values from ('2024-01-01') to ('2025-01-01');
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
create view public.big_orders as select o.id, c.name, o.total from public.orders o join public.customers c on c.id = o.customer_id where o.total > 100;
create materialized view public.totals as select customer_id, sum(total) as total from public.orders group by customer_id;
create function shop.add(a int, b int) returns int language sql immutable as 'select a + b';
create function shop.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create procedure shop.nothing() language sql as 'select 1';
create trigger touch before update on public.orders for each row execute function shop.touch();
create rule keep as on delete to public.big_orders do instead nothing;
alter table public.orders enable row level security;
create policy mine on public.orders for select to reader using (total < 1000);
create publication news for table public.orders;
create statistics public.customers_stats (dependencies) on name, email from public.customers;
create extension if not exists pgcrypto;
grant select on public.customers to reader;
grant usage on schema shop to reader;
alter default privileges in schema shop grant select on tables to reader;
insert into public.customers (name, email, age, tags, info)
  select 'name ' || g, 'u' || g || '@example.com', g, array['t' || g, 'q"uo,te'], jsonb_build_object('n', g, 'nothing', null) from generate_series(1, 20) g;
insert into public.orders (customer_id, total, placed) select 1 + g % 20, g * 7.25, date '2024-01-01' + g from generate_series(1, 60) g;
insert into public.events select date '2024-06-01' + g * 10, 'event ' || g from generate_series(1, 40) g;
refresh materialized view public.totals;
`
