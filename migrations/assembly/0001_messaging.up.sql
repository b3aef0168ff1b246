-- The inbox: the events that this service has taken effect of, written with the effect.
create table inbox (
    consumer text not null,
    event_uuid uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_uuid)
);
create index inbox_received_at on inbox (received_at);

-- Which replica does what only one may do at a time.
create table leases (
    name text primary key,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null
);

-- The outbox: events, written with the change they tell of, until a relay has published them and for some time after.
create table outbox (
    id bigint generated always as identity primary key,
    event_uuid uuid not null unique,
    event_type text not null,
    key uuid not null,
    payload bytea not null,
    trace jsonb not null,
    created_at timestamptz not null default now(),
    published_at timestamptz
);
create index outbox_unpublished on outbox (id) where published_at is null;
create index outbox_published_at on outbox (published_at);
