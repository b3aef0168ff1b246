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
