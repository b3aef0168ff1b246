-- The role `operator` belongs to an account, and an operator can disable a user.
alter table users
    -- Since when the user has the role; null for other users. Only `shipyard operator` gives and takes it.
    add column operator_since timestamptz,
    -- A disabled user cannot log in and has no session.
    add column disabled_at timestamptz,
    add column disabled_reason text,
    -- The operator who disabled the user.
    add column disabled_by uuid,
    add constraint users_disabled check (num_nulls(disabled_at, disabled_reason, disabled_by) in (0, 3));
create index users_operators on users (operator_since) where operator_since is not null;
