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
