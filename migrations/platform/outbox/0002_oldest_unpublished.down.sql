-- An index that a service's own migration made goes with that one.
do $$
begin
    if obj_description(to_regclass('outbox_unpublished'), 'pg_class') = 'Made by migrations/platform/outbox/0002.' then
        drop index outbox_unpublished;
    end if;
end
$$;
