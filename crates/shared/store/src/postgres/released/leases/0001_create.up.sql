-- Which replica does what only one may do at a time.
create table leases (
    name text primary key,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null
);
comment on table leases is 'Rows are never removed: one per job, however many replicas there are.';
