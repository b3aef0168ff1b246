-- The oldest row that is not published, set aside or not, which the metric outbox_oldest_seconds asks for. Two services made their
-- outbox without this index, and read all published rows to find it.
do $$
begin
    if to_regclass('outbox_unpublished') is null then
        create index outbox_unpublished on outbox (id) where published_at is null;
        -- Tells the down migration whose index it is.
        comment on index outbox_unpublished is 'Made by migrations/platform/outbox/0002.';
    end if;
end
$$;
