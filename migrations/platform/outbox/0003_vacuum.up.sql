-- A published row leaves the index outbox_to_publish, whose dead entries the relay reads past until they are vacuumed: by default after a
-- fifth of the table has changed, so that each read costs more the more rows there are.
alter table outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
