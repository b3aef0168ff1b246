-- A reservation leaves the index reservations_held, whose dead entries the job reads past until they are vacuumed: by default after a
-- fifth of the table has changed, so that each look costs more the more reservations there are.
alter table reservations set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
