do $$
begin
    if exists (select from pg_roles where rolname = current_database()) then
        execute format('grant update, delete on customer_versions to %I', current_database());
    end if;
end
$$;
comment on table customer_versions is 'Rows stay for ever: the books.';
alter table customer_versions drop column decided_by;
