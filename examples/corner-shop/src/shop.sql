-- The shop's own tables. Those of the outbox, the inbox, the leases and the idempotency keys come from their crates.

create table items (
    name text primary key,
    price bigint not null,
    stock bigint not null check (stock >= 0)
);

create table accounts (
    owner text primary key,
    balance bigint not null check (balance >= 0)
);

-- No unique key prevents two orders of one request or two shipments of one order: only the idempotency key and the
-- inbox do, so that tests/kills.rs fails if one of them does not.
create table orders (
    id uuid primary key default gen_random_uuid(),
    quantity bigint not null,
    total bigint not null
);

create table shipments (
    id bigint generated always as identity primary key,
    order_id uuid not null references orders
);
create index shipments_order on shipments (order_id);

-- Prices and balances are in cents.
insert into items values ('teapot', 1250, 1000000);
insert into accounts values ('customer', 1000000000000), ('shop', 0);
