create index jobs_building on jobs (due_at) where status = 'building';
drop index jobs_due;
alter table jobs drop column next_try_at, drop constraint jobs_finite;
