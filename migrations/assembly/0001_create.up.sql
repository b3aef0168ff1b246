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
)
-- A job leaves the index jobs_building, whose dead entries are read past until they are vacuumed: by default after a fifth of the table has
-- changed, so that each look costs more the more jobs there are.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
create index jobs_building on jobs (due_at) where status = 'building';
create index jobs_finished on jobs (finished_at) where finished_at is not null;
comment on table jobs is 'Finished rows are removed by the job jobs-retention after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day. A row of a ship that is being built stays.';
