comment on table bot_offsets is null;
comment on table notifications is null;
alter table notifications reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
drop index notifications_ended;
drop index notifications_unaddressed;
drop index notifications_waiting;
