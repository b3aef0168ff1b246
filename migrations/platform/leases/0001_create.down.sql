-- A table that a service's own migration made goes with that one.
do $$
begin
    if exists (
        select from pg_constraint
        where conrelid = to_regclass('leases') and conname = 'leases_pkey'
          and obj_description(oid, 'pg_constraint') = 'Made by migrations/platform/leases/0001.'
    ) then
        drop table leases;
    end if;
end
$$;
