do $$
begin
    if exists (select from pg_roles where rolname = current_database()) then
        execute format('grant update, delete on restocks, restock_items to %I', current_database());
    end if;
end
$$;
comment on table restock_items is 'Rows stay for ever: the books.';
comment on table restocks is 'Rows stay for ever: the books.';
alter table restocks drop column decided_by;
