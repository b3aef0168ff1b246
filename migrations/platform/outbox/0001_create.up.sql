-- The outbox: events, written with the change they tell of, until a relay has published them and for some time after. The first
-- services made this table in migrations of their own: there it stays as it is.
do $$
begin
    if to_regclass('outbox') is null then
        create table outbox (
            id bigint generated always as identity primary key,
            event_uuid uuid not null unique,
            event_type text not null,
            key uuid not null,
            payload bytea not null,
            trace jsonb not null,
            created_at timestamptz not null default now(),
            published_at timestamptz,
            -- When the relay found that it has no topic for the row, or for an earlier one of its key that waits: it is published
            -- once that one is, and holds up no other key until then.
            set_aside_at timestamptz
        );
        create index outbox_published_at on outbox (published_at);
        create index outbox_to_publish on outbox (id) where published_at is null and set_aside_at is null;
        create index outbox_set_aside on outbox (key, id) where set_aside_at is not null and published_at is null;
        -- An event's rows outlive its records: Kafka keeps a record until the segment that it is in is older than the topic's
        -- retention, so for KAFKA_TOPIC_RETENTION and KAFKA_TOPIC_SEGMENT.
        comment on table outbox is 'Published rows are removed by the job outbox-retention after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day. A row that is not published stays.';
        -- Tells the down migration whose table it is.
        comment on constraint outbox_pkey on outbox is 'Made by migrations/platform/outbox/0001.';
    end if;
end
$$;
