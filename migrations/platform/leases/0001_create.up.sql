-- Which replica does what only one may do at a time. The first services made this table in migrations of their own: there it stays as it is.
do $$
begin
    if to_regclass('leases') is null then
        create table leases (
            name text primary key,
            holder text not null,
            epoch bigint not null,
            expires_at timestamptz not null
        );
        comment on table leases is 'Rows are never removed: one per job, however many replicas there are.';
        -- Tells the down migration whose table it is.
        comment on constraint leases_pkey on leases is 'Made by migrations/platform/leases/0001.';
    end if;
end
$$;
