-- The outbox: events, written with the change they tell of, until a relay has published them and for some time after.
create table outbox (
    id bigint generated always as identity primary key,
    event_uuid uuid not null unique,
    event_type text not null,
    key uuid not null,
    payload bytea not null,
    trace jsonb not null,
    created_at timestamptz not null default now(),
    published_at timestamptz,
    -- When the relay found that it has no topic for the row, or for an earlier one of its key that waits: it is published once
    -- that one is, and holds up no other key until then.
    set_aside_at timestamptz
);
-- The oldest row that is not published, set aside or not, which the metric outbox_oldest_seconds asks for.
create index outbox_unpublished on outbox (id) where published_at is null;
create index outbox_published_at on outbox (published_at);
create index outbox_to_publish on outbox (id) where published_at is null and set_aside_at is null;
create index outbox_set_aside on outbox (key, id) where set_aside_at is not null and published_at is null;

-- A published row leaves the index outbox_to_publish, whose dead entries the relay reads past until they are vacuumed: by default after a
-- fifth of the table has changed, so that each read costs more the more rows there are.
alter table outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);

-- An event's rows outlive its records: Kafka keeps a record until the segment that it is in is older than the topic's retention, so for
-- KAFKA_TOPIC_RETENTION and KAFKA_TOPIC_SEGMENT.
comment on table outbox is 'Published rows are removed by the job outbox-retention after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day. A row that is not published stays.';
