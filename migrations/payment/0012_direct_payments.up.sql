-- The transaction of a direct payment follows from the ids of its order and user: nothing is stored any more. The previous release, while it
-- runs beside this one, still writes the table. A later release drops it.
comment on table direct_payments is 'Rows are never removed: nothing writes the table any more.';
