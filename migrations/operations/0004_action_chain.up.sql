-- The log of operators' actions is a chain: each row has the SHA-256, in hexadecimal digits, of its content and of the
-- hash of the row before. Rows of earlier versions have neither: the chain begins after them.
alter table actions
    -- The hash of the row before; empty in the first row of the chain.
    add column previous text,
    add column hash text;

-- One row: the last row of the chain. Each new row of the chain replaces it, in the same statement.
create table action_chain (
    is_only boolean primary key default true check (is_only),
    -- Null and empty while the chain has no row.
    last bigint,
    hash text not null
);
insert into action_chain (hash) values ('');
comment on table action_chain is 'Rows are never removed: there is one.';

-- Signed hashes of rows of the chain. They do not reference the rows: one whose row is gone proves that it was there.
create table action_checkpoints (
    action bigint primary key,
    hash text not null,
    signed_at timestamptz not null,
    -- The thumbprint of the key.
    kid text not null,
    signature bytea not null
);
comment on table action_checkpoints is 'Rows stay for ever and never change: an audit compares them with the log of operators'' actions.';
-- The service, if it does not own the table, inserts and reads, and does nothing else.
do $$
begin
    if current_database() <> current_user and exists (select from pg_roles where rolname = current_database()) then
        execute format('revoke update, delete on action_checkpoints from %I', current_database());
    end if;
end
$$;
