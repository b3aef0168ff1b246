-- In the row of an action's end: the row of its beginning. An action without such a row was interrupted, or has not ended.
alter table actions add column begun bigint references actions;

comment on table actions is 'Rows stay for ever and never change: they are the log of operators'' actions.';
-- The service, if it does not own the table, inserts and reads, and does nothing else.
do $$
begin
    if current_database() <> current_user and exists (select from pg_roles where rolname = current_database()) then
        execute format('revoke update, delete on actions from %I', current_database());
    end if;
end
$$;
