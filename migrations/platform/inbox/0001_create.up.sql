-- The inbox: the events that a service has taken effect of, written with the effect. The first services made this table in migrations
-- of their own: there it stays as it is.
do $$
begin
    if to_regclass('inbox') is null then
        create table inbox (
            consumer text not null,
            event_uuid uuid not null,
            received_at timestamptz not null default now(),
            primary key (consumer, event_uuid)
        );
        create index inbox_received_at on inbox (received_at);
        comment on table inbox is 'Rows are removed by the job inbox after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
        -- Tells the down migration whose table it is.
        comment on constraint inbox_pkey on inbox is 'Made by migrations/platform/inbox/0001.';
    end if;
end
$$;
