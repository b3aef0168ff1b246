-- When the user had it queued again. Null if that has not happened: it was queued when the row was made.
alter table notifications add column queued_at timestamptz;
