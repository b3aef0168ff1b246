-- When a reservation is due again that could not be expired. Null if that has not happened.
alter table reservations add column next_try_at timestamptz;
create index reservations_due on reservations (greatest(expires_at, next_try_at)) where status = 'held';
drop index reservations_held;
