-- A payment leaves the index payments_unfinished, whose dead entries the job reads past until they are vacuumed: by default after a fifth
-- of the table has changed, so that each look costs more the more payments there are.
alter table payments set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
