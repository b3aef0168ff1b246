create table couriers (
    uuid uuid primary key,
    -- The order of adding.
    number bigint generated always as identity unique,
    name text not null check (char_length(name) between 1 and 100),
    -- Cells per step.
    speed integer not null check (speed between 1 and 100),
    x smallint not null check (x between 1 and 10),
    y smallint not null check (y between 1 and 10),
    -- The order that it carries: one at a time.
    order_uuid uuid unique,
    created_at timestamptz not null default now()
);
create index couriers_free on couriers (uuid) where order_uuid is null;

create table storage_places (
    uuid uuid primary key,
    courier_uuid uuid not null references couriers,
    -- The order of adding, which is the order in which places are filled.
    number bigint generated always as identity unique,
    name text not null check (char_length(name) between 1 and 100),
    total_volume integer not null check (total_volume between 1 and 10000),
    order_uuid uuid unique
);
create index storage_places_of_courier on storage_places (courier_uuid, number);
-- Assignment reads the largest storage place of each free courier, and none of the others.
create index storage_places_by_volume on storage_places (courier_uuid, total_volume);

-- One row per order that is to be delivered, or of which an event came before its order.paid.
create table orders (
    uuid uuid primary key,
    -- ASSEMBLED_EARLY, CANCELLED_EARLY: the event came before order.paid, and nothing else is known of the order yet.
    state text not null
        check (state in ('ASSEMBLED_EARLY', 'CANCELLED_EARLY', 'PENDING', 'CREATED', 'ASSIGNED', 'COMPLETED', 'FAILED')),
    -- The status that is published, of an order of the shop.
    status text check (status in ('PENDING', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'FAILED')),
    -- None for baskets and tries.
    user_uuid uuid,
    delivery_uuid uuid unique,
    tracking_number text unique,
    -- None where the order was cancelled before its address was asked for.
    x smallint check (x between 1 and 10),
    y smallint check (y between 1 and 10),
    volume integer check (volume between 1 and 10000),
    estimated_date date,
    courier_uuid uuid references couriers,
    -- The steps that the courier had to go when it got the order.
    steps integer check (steps >= 0),
    -- The trace context of the order, which its events continue.
    trace jsonb not null,
    created_at timestamptz not null default now(),
    -- When the order began to wait for a courier.
    waiting_since timestamptz,
    updated_at timestamptz not null default now(),
    check ((x is null) = (y is null)),
    check ((state in ('ASSEMBLED_EARLY', 'CANCELLED_EARLY')) = (delivery_uuid is null)),
    check (delivery_uuid is null or (status is not null and tracking_number is not null and estimated_date is not null)),
    check (state not in ('CREATED', 'ASSIGNED', 'COMPLETED')
        or (x is not null and volume is not null and waiting_since is not null)),
    check ((state in ('ASSIGNED', 'COMPLETED')) = (courier_uuid is not null and steps is not null))
);
-- Assignment reads the oldest of each volume that a free place holds, and none of the others.
create index orders_waiting on orders (volume, waiting_since, uuid) where state = 'CREATED';
create index orders_active on orders (waiting_since, uuid) where state in ('CREATED', 'ASSIGNED');
create unique index orders_of_courier on orders (courier_uuid) where state = 'ASSIGNED';
create index orders_early on orders (created_at) where state in ('ASSEMBLED_EARLY', 'CANCELLED_EARLY');

comment on table couriers is 'Rows stay for ever: one per courier, and a courier is never removed.';
comment on table storage_places is 'Rows stay for ever: a few per courier.';
comment on table orders is 'Rows of deliveries stay for ever: the books. A row of an event that came early is removed by the job early-events after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
