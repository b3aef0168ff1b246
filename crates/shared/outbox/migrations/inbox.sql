-- The events that a consumer has processed, written in the transaction of their effect.
create table inbox (
    consumer text not null,
    event_uuid uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_uuid)
);
create index inbox_received_at on inbox (received_at);
