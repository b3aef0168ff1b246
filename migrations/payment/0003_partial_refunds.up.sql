-- Parts of charges that operators give back, once per order and reference.
create table partial_refunds (
    -- Derived from the order and the reference.
    refund_uuid uuid primary key,
    transaction_uuid uuid not null references payments,
    reference text not null check (char_length(reference) between 1 and 64),
    -- Minor units.
    amount bigint not null check (amount > 0),
    reason text not null check (reason in ('RETURN', 'GOODWILL')),
    status text not null default 'refunding' check (status in ('refunding', 'refunded')),
    -- As in payments: the number of the latest request, and the provider's id of the refund while it is pending.
    refund_number integer not null default 1 check (refund_number > 0),
    refund_reference text,
    tries integer not null default 0,
    -- The request that made the row asks the provider first; the job follows when the refund is not made by then.
    next_try_at timestamptz not null default now() + interval '5 seconds',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
)
-- As in payments: a refund leaves an index when it is made.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
create index partial_refunds_transaction on partial_refunds (transaction_uuid);
create index partial_refunds_unfinished on partial_refunds (next_try_at) where status = 'refunding';
comment on table partial_refunds is 'Rows stay for ever: the books.';

-- The sum of the partial refunds, whether made or not. The statement that adds a refund raises it under the row's lock.
alter table payments add column partially_refunded bigint not null default 0;
-- The rows that exist have 0, so that they need no look.
alter table payments add constraint payments_partially_refunded
    check (partially_refunded >= 0 and (partially_refunded = 0 or partially_refunded <= amount)) not valid;
