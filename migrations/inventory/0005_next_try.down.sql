create index reservations_held on reservations (expires_at) where status = 'held';
drop index reservations_due;
alter table reservations drop column next_try_at;
