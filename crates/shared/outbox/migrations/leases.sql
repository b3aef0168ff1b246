-- Which replica does the work that only one may do at a time.
create table leases (
    name text primary key,
    holder text not null,
    epoch bigint not null,
    expires_at timestamptz not null
);
