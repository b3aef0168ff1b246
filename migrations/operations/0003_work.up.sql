-- The long actions of operators: of each kind one runs at a time, in all replicas together.
create table work (
    kind text primary key check (kind in ('audit', 'letters')),
    -- The run that goes on; null if none does. Its process renews `seen_at` every 5 s; 30 s after it the run counts as lost.
    run uuid,
    title text not null,
    began_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    step text not null default '',
    done bigint not null default 0,
    total bigint not null default 0,
    -- The last run that ended; null if none has.
    last_title text,
    last_at timestamptz,
    -- Null if it succeeded.
    last_error text,
    -- A protobuf message: `Audited` or `EndedLetterWork`. Null if it failed.
    last_result bytea
);
comment on table work is 'Rows are never removed: one per kind of action.';
