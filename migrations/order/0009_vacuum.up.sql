-- An order leaves the indexes of what is unpaid and unsettled, whose dead entries the jobs read past until they are vacuumed: by default
-- after a fifth of the table has changed, so that each look costs more the more orders there are. The statistics follow as soon, since a
-- plan for few unpaid orders reads all of them.
alter table orders set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
