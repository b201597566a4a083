/** A small shop, with what a shop must not show. */
export const SCHEMA = `
create table customers (
  id int primary key generated always as identity,
  name text not null,
  email text not null,
  ssn text not null,
  country text not null
);
create table cards (
  id int primary key generated always as identity,
  customer_id int not null references customers,
  card_number text not null,
  expires date not null
);
create table orders (
  id int primary key generated always as identity,
  customer_id int not null references customers,
  status text not null,
  total numeric(10, 2) not null,
  placed_at timestamptz not null default now()
);
insert into customers (name, email, ssn, country) values
  ('Ada Byron', 'ada@example.com', '512-84-7731', 'GB'),
  ('Grace Murray', 'grace@example.org', '603-19-4428', 'US'),
  ('Edsger Rotterdam', 'edsger@example.net', '731-62-9905', 'NL');
insert into cards (customer_id, card_number, expires) values
  (1, '4556 7375 8689 9855', '2028-04-30'),
  (2, '5424 1811 2233 4488', '2027-11-30'),
  (3, '3782 822463 10005', '2029-01-31');
insert into orders (customer_id, status, total) values
  (1, 'shipped', 120.50), (1, 'new', 19.99), (2, 'new', 250.00), (3, 'cancelled', 75.25), (3, 'cancelled', 12.00);
create role svc_shop login password 'set by the demo';
grant usage on schema public to svc_shop;
grant select, insert, update, delete on all tables in schema public to svc_shop;
`

/** What the agents of the shop may do. */
export const POLICY = `version: 1
rules:
  - id: agents-read
    decision: allow
    who: { groups: [ai-agents] }
    on: { targets: [shop] }
    what: { effects: [read], relations: ["public.*"] }
  - id: agents-use-transactions
    decision: allow
    who: { groups: [ai-agents] }
    what: { effects: [transaction, session] }
  - id: order-changes-need-a-person
    decision: approve
    who: { groups: [ai-agents] }
    what: { effects: [write], relations: ["public.orders"] }
    approval: { approvers: { groups: [dba] }, quorum: 1, expires: 10m, mode: hold }
  - id: no-destruction
    decision: deny
    what: { effects: [ddl, dcl, external] }
    reason: Schema changes go through migrations.
  - id: no-unbounded-writes
    decision: deny
    what: { unbounded: true }
    reason: Say which rows.
masks:
  - { columns: ["public.customers.ssn", "*.*.card_number"], with: redact, unless: { groups: [pii-readers] } }
  - { columns: ["public.customers.email"], with: email }
limits:
  - { who: { groups: [ai-agents] }, rows: 10000, bytes: 50MB, time: 30s }
`
