-- The inbox: the events that a service has taken effect of, written with the effect.
create table inbox (
    consumer text not null,
    event_uuid uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_uuid)
);
create index inbox_received_at on inbox (received_at);
comment on table inbox is 'Rows are removed by the job inbox after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
