create table customers (
  id bigint primary key,
  name text not null,
  email text not null,
  ssn text not null
);
create table orders (
  id bigint primary key,
  customer_id bigint not null references customers,
  status text not null,
  total numeric(10, 2) not null,
  placed_at timestamptz not null default now()
);
create table payments (
  id bigint primary key,
  order_id bigint not null references orders,
  card_number text not null
);
create view contacts as select id, name, email, ssn as tax_number from customers;
