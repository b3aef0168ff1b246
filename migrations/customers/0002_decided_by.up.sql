-- Who decided the version: an operator's uuid, or 'checker'. Null for a version that decides nothing: the user made the change. Versions of
-- before have 'before'.
alter table customer_versions add column decided_by text default 'before' check (char_length(decided_by) between 1 and 200);
alter table customer_versions alter column decided_by set default null;

comment on table customer_versions is 'Rows stay for ever and never change: the books.';
-- The service, if it does not own the table, inserts and reads, and does nothing else.
do $$
begin
    if current_database() <> current_user and exists (select from pg_roles where rolname = current_database()) then
        execute format('revoke update, delete on customer_versions from %I', current_database());
    end if;
end
$$;
