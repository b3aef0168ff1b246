-- The catalogue, and how much there is of each part.
create table parts (
    part_uuid uuid primary key,
    -- The order of listings, and what a page token points at: parts that are added later come last.
    position bigint generated always as identity unique,
    name text not null check (length(name) between 1 and 200),
    description text not null,
    -- Minor units (cents).
    price bigint not null check (price > 0),
    category text not null check (category in ('unspecified', 'engine', 'fuel', 'porthole', 'wing')),
    -- Centimetres and kilograms.
    length double precision not null check (length >= 0),
    width double precision not null check (width >= 0),
    height double precision not null check (height >= 0),
    weight double precision not null check (weight >= 0),
    manufacturer_name text not null,
    manufacturer_country text not null,
    manufacturer_website text not null,
    tags text[] not null,
    -- By key one object of one member that tells the kind: {"int64": 5}.
    metadata jsonb not null check (jsonb_typeof(metadata) = 'object'),
    initial bigint not null check (initial >= 0),
    restocked bigint not null default 0 check (restocked >= 0),
    -- Can be bought now.
    available bigint not null check (available >= 0),
    -- Promised to orders that are not built yet.
    reserved bigint not null default 0 check (reserved >= 0),
    -- Built in.
    consumed bigint not null default 0 check (consumed >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- No statement can lose a part or make one up.
    check (initial + restocked = available + reserved + consumed)
)
-- Room in each page, and no index on what a sale changes: its update touches no index.
with (fillfactor = 70);
create index parts_name on parts (name);
create index parts_category on parts (category);
create index parts_manufacturer_country on parts (manufacturer_country);
create index parts_tags on parts using gin (tags);
comment on table parts is 'Rows stay for ever: the catalogue.';

-- Deliveries to the warehouse; the key makes a repeated call harmless.
create table restocks (
    restock_uuid uuid primary key,
    created_at timestamptz not null default now()
);
create table restock_items (
    restock_uuid uuid not null references restocks,
    part_uuid uuid not null references parts,
    quantity bigint not null check (quantity > 0),
    primary key (restock_uuid, part_uuid)
);
comment on table restocks is 'Rows stay for ever: the books.';
comment on table restock_items is 'Rows stay for ever: the books.';

-- One row per order: what became of its parts. A released order keeps its row, so that no late call reserves for it again.
create table reservations (
    order_uuid uuid primary key,
    status text not null check (status in ('held', 'confirmed', 'released', 'committed', 'expired')),
    -- A held reservation ends by itself; every other only by its order.
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- When the reservation ended for the first time: an auditor looks whether it expired while its order existed.
    first_ended_at timestamptz,
    -- The lines: what the order asked for, with the prices of that moment. They are written and read with the reservation, and are never
    -- changed. An order that was released before it reserved has no lines: the columns are null.
    part_uuids uuid[] check (cardinality(part_uuids) > 0),
    -- Units of the part, in the order of part_uuids.
    quantities bigint[],
    -- Minor units (cents) for one unit of the part, in the order of part_uuids.
    unit_prices bigint[],
    check ((status = 'held') = (expires_at is not null)),
    check (cardinality(quantities) = cardinality(part_uuids) and 0 < all(quantities)),
    check (cardinality(unit_prices) = cardinality(part_uuids) and 0 < all(unit_prices))
)
-- A reservation leaves the index reservations_held, whose dead entries the job reads past until they are vacuumed: by default after a
-- fifth of the table has changed, so that each look costs more the more reservations there are.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
create index reservations_held on reservations (expires_at) where status = 'held';
comment on table reservations is 'Rows stay for ever: the books.';

-- The lines of all reservations, a row each.
create view reservation_items as
    select reservations.order_uuid, line.part_uuid, line.quantity, line.unit_price
    from reservations
    cross join lateral unnest(part_uuids, quantities, unit_prices) as line (part_uuid, quantity, unit_price);

-- The database notes the first end, not the service: an auditor should not have to rely on the code that it audits.
create function note_reservation_times() returns trigger language plpgsql as $$
begin
    new.first_ended_at := coalesce(new.first_ended_at, now());
    return new;
end
$$;
create trigger reservation_times before insert or update of status on reservations
    for each row when (new.status in ('released', 'committed', 'expired')) execute function note_reservation_times();
