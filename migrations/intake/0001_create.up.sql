-- An order, whose key its producer chose. The key is what recognises a record that comes again, so that there is no inbox.
create table orders (
    order_uid text primary key check (char_length(order_uid) between 1 and 64),
    -- The order of storing.
    number bigint generated always as identity unique,
    track_number text not null,
    entry text not null,
    locale text not null,
    internal_signature text not null,
    customer_id text not null,
    delivery_service text not null,
    shardkey text not null,
    sm_id bigint not null,
    date_created timestamptz not null,
    oof_shard text not null,
    stored_at timestamptz not null default now(),
    -- When all but the key was removed: the key stays for as long as the record may come again.
    erased_at timestamptz
);
create index orders_of_customer on orders (customer_id) where erased_at is null;
create index orders_by_age on orders (stored_at) where erased_at is null;
create index orders_erased on orders (erased_at) where erased_at is not null;

create table deliveries (
    order_uid text primary key references orders on delete cascade,
    name text not null,
    phone text not null,
    zip text not null,
    city text not null,
    address text not null,
    region text not null,
    email text not null
);

create table payments (
    order_uid text primary key references orders on delete cascade,
    transaction text not null,
    request_id text not null,
    currency text not null,
    provider text not null,
    amount bigint not null,
    payment_dt bigint not null,
    bank text not null,
    delivery_cost bigint not null,
    goods_total bigint not null,
    custom_fee bigint not null
);

create table items (
    order_uid text not null references orders on delete cascade,
    -- From 1, as in the list.
    position integer not null,
    chrt_id bigint not null,
    track_number text not null,
    price bigint not null,
    rid text not null,
    name text not null,
    sale bigint not null,
    size text not null,
    total_price bigint not null,
    nm_id bigint not null,
    brand text not null,
    status bigint not null,
    primary key (order_uid, position)
);

comment on table orders is 'Rows stay for ever: the orders taken. With INTAKE_RETENTION, and where an operator erases a customer, all but the key is blanked; such a row is removed by the job tombstones after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
comment on table deliveries is 'Rows stay for ever, unless the order is erased, which removes them in the same statement.';
comment on table payments is 'Rows stay for ever, unless the order is erased, which removes them in the same statement.';
comment on table items is 'Rows stay for ever, unless the order is erased, which removes them in the same statement.';
