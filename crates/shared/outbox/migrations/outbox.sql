-- Events, written in the transaction of the change that they report, until a relay has published them and for some time
-- after.
create table outbox (
    id bigint generated always as identity primary key,
    event_uuid uuid not null unique,
    event_type text not null,
    key uuid not null,
    payload bytea not null,
    -- Further headers of the record, such as a trace context: an object of strings.
    trace jsonb not null,
    created_at timestamptz not null default now(),
    published_at timestamptz,
    -- Set while the row cannot be published: it has no topic, the broker refuses it, or it follows such a row of its key.
    set_aside_at timestamptz,
    constraint outbox_finite check (isfinite(created_at))
);
-- The oldest unpublished row, for the metric outbox_oldest_seconds.
create index outbox_unpublished on outbox (id) where published_at is null;
create index outbox_published_at on outbox (published_at);
create index outbox_to_publish on outbox (id) where published_at is null and set_aside_at is null;
create index outbox_set_aside on outbox (key, id) where set_aside_at is not null and published_at is null;
-- The relay reads past dead entries of the index outbox_to_publish until they are vacuumed. By default that is after a
-- fifth of the table has changed, so each read would cost more the more rows there are.
alter table outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
