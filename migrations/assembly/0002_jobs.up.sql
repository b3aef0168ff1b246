-- One row per paid order: the ship that is being built, or was. The row is the timer: a restart goes on with what is due.
create table jobs (
    order_uuid uuid primary key,
    user_uuid uuid not null,
    status text not null default 'building' check (status in ('building', 'assembled', 'failed')),
    build_time_sec bigint not null check (build_time_sec >= 0),
    -- Decided when the job is made, so that a job that is picked up again ends as it would have.
    fails boolean not null,
    -- The trace context of the order, which the ship's event continues.
    trace jsonb not null,
    started_at timestamptz not null default now(),
    due_at timestamptz not null,
    finished_at timestamptz,
    check ((status = 'building') = (finished_at is null))
);
create index jobs_building on jobs (due_at) where status = 'building';
