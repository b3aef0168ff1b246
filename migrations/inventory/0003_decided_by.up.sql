-- Who restocked: an operator's uuid, or the system's user who ran the command, as cli:USER@HOST, which is not verified. Rows of before
-- have 'before'; only a row by hand, or by a replica of the release before, has none, which an audit finds.
alter table restocks add column decided_by text default 'before' check (char_length(decided_by) between 1 and 200);
alter table restocks alter column decided_by set default null;

comment on table restocks is 'Rows stay for ever and never change: the books.';
comment on table restock_items is 'Rows stay for ever and never change: the books.';
-- The service, if it does not own the tables, inserts and reads, and does nothing else.
do $$
begin
    if current_database() <> current_user and exists (select from pg_roles where rolname = current_database()) then
        execute format('revoke update, delete on restocks, restock_items from %I', current_database());
    end if;
end
$$;
