-- What operators did.
create table actions (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    operator_uuid uuid not null,
    action text not null,
    -- What it was done to: ids and topics, no personal data.
    subject text not null,
    result text not null,
    -- In the row of an action's end: the row of its beginning. An action without such a row was interrupted, or has not ended.
    begun bigint references actions
);
-- For the export of a user's data, which most users have no action in.
create index actions_of_operator on actions (operator_uuid, id);
comment on table actions is 'Rows stay for ever and never change: they are the log of operators'' actions.';
-- The service, if it does not own the table, inserts and reads, and does nothing else.
do $$
begin
    if current_database() <> current_user and exists (select from pg_roles where rolname = current_database()) then
        execute format('revoke update, delete on actions from %I', current_database());
    end if;
end
$$;
