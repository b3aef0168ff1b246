-- A job leaves the index jobs_building, whose dead entries are read past until they are vacuumed: by default after a fifth of the table has
-- changed, so that each look costs more the more jobs there are.
alter table jobs set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
