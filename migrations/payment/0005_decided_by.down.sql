do $$
begin
    if exists (select from pg_roles where rolname = current_database()) then
        execute format('grant update, delete on ledger_entries, credits to %I', current_database());
    end if;
end
$$;
comment on table credits is 'Rows stay for ever: the books.';
comment on table ledger_entries is 'Rows stay for ever: the books.';
alter table partial_refunds drop column decided_by;
