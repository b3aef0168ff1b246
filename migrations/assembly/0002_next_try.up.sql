-- What the program cannot read. Only rows by hand have such times.
update jobs
set started_at = case when isfinite(started_at) then started_at else now() end,
    due_at = case when isfinite(due_at) then due_at else now() end,
    finished_at = case when isfinite(finished_at) then finished_at when finished_at is not null then now() end
where not (isfinite(started_at) and isfinite(due_at) and isfinite(coalesce(finished_at, due_at)));
-- The rows that exist were mended, so that they need no look.
alter table jobs add constraint jobs_finite
    check (isfinite(started_at) and isfinite(due_at) and isfinite(coalesce(finished_at, due_at))) not valid;

-- When a build is due again that could not be finished. Null if that has not happened.
alter table jobs add column next_try_at timestamptz;
create index jobs_due on jobs (greatest(due_at, next_try_at)) where status = 'building';
drop index jobs_building;
