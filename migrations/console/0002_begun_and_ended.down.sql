do $$
begin
    if exists (select from pg_roles where rolname = current_database()) then
        execute format('grant update, delete on actions to %I', current_database());
    end if;
end
$$;
comment on table actions is 'Rows stay for ever: they are the log of operators'' actions.';
alter table actions drop column begun;
