-- What operators did in the console.
create table actions (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    operator_uuid uuid not null,
    action text not null,
    -- What it was done to: ids and topics, no personal data.
    subject text not null,
    result text not null
);
comment on table actions is 'Rows stay for ever: they are the log of operators'' actions.';
