-- The example shop that the starter policies are about. shop.catalog.json is its schema as
-- `querywarden policy catalog` saves it.
create table customers (
  id bigint primary key generated always as identity,
  name text not null,
  email text not null,
  phone text,
  ssn text not null,
  country text not null,
  created_at timestamptz not null default now()
);
create table products (
  id bigint primary key generated always as identity,
  title text not null,
  price numeric(10, 2) not null
);
create table orders (
  id bigint primary key generated always as identity,
  customer_id bigint not null references customers,
  status text not null,
  placed_at timestamptz not null default now()
);
create table order_items (
  order_id bigint not null references orders on delete cascade,
  product_id bigint not null references products,
  quantity int not null,
  primary key (order_id, product_id)
);
create table payments (
  id bigint primary key generated always as identity,
  order_id bigint not null references orders,
  card_number text not null,
  amount numeric(10, 2) not null
);
create table tickets (
  id bigint primary key generated always as identity,
  customer_id bigint not null references customers,
  body text not null,
  status text not null default 'open',
  assignee text
);
create view order_totals as
  select o.id, o.customer_id, o.status, sum(p.price * i.quantity) as total
  from orders o join order_items i on i.order_id = o.id join products p on p.id = i.product_id
  group by o.id;
