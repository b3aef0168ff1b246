-- One row per order: what became of its parts. A released order keeps its row, so that no late call reserves for it again.
create table reservations (
    order_uuid uuid primary key,
    status text not null check (status in ('held', 'confirmed', 'released', 'committed', 'expired')),
    -- A held reservation ends by itself; every other only by its order.
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((status = 'held') = (expires_at is not null))
);
create index reservations_held on reservations (expires_at) where status = 'held';

-- What the order asked for, with the prices of that moment. Never changed.
create table reservation_items (
    order_uuid uuid not null references reservations,
    part_uuid uuid not null references parts,
    quantity bigint not null check (quantity > 0),
    unit_price bigint not null check (unit_price > 0),
    primary key (order_uuid, part_uuid)
);
