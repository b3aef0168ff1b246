-- What the shop's orders are charged: a row per attempt, written before the provider is asked, settled after.
create table payments (
    transaction_uuid uuid primary key default gen_random_uuid(),
    order_uuid uuid not null,
    attempt bigint check (attempt > 0),
    user_uuid uuid,
    method text check (method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    -- Minor units.
    amount bigint check (amount > 0),
    -- Who was asked to charge, and so is asked again and refunds, whatever is configured by then.
    provider text check (provider in ('ledger', 'stripe')),
    -- A void row charges nothing: it takes the place of the payment of an order that was cancelled before it was paid.
    status text not null default 'pending'
        check (status in ('pending', 'succeeded', 'declined', 'refunding', 'refunded', 'void')),
    decline_reason text check (decline_reason in ('PAYMENT_DECLINED', 'INSUFFICIENT_FUNDS')),
    -- The provider's id of the charge, kept as soon as it is known, also while the charge is pending.
    provider_reference text,
    -- True once the order is cancelled: what is charged is given back, and nothing is charged any more.
    cancelled boolean not null default false,
    tries integer not null default 0,
    -- The request that made the row asks the provider first; the job follows when it has not settled the row by then.
    next_try_at timestamptz not null default now() + interval '5 seconds',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The number of the latest request to refund the charge. A request that fails is followed by the next one, under another key.
    refund_number integer not null default 1 check (refund_number > 0),
    -- The provider's id of the refund that this request made, while it is pending.
    refund_reference text,
    unique (order_uuid, attempt),
    check (num_nonnulls(attempt, user_uuid, method, amount, provider) = case when status = 'void' then 0 else 5 end),
    check ((status = 'declined') = (decline_reason is not null)),
    constraint payments_charge_reference
        check (provider_reference is not null or status not in ('succeeded', 'refunding', 'refunded')),
    check (cancelled or status not in ('refunding', 'refunded', 'void')),
    check (not (cancelled and status = 'succeeded'))
)
-- A payment leaves the index payments_unfinished, whose dead entries the job reads past until they are vacuumed: by default after a fifth
-- of the table has changed, so that each look costs more the more payments there are.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
-- An order's place: one attempt at a time, none after a success, none after the cancellation. Paying and cancelling meet here, so
-- that either sees what the other did, however they are timed.
create unique index payments_place on payments (order_uuid) where status <> 'declined' or cancelled;
create index payments_unfinished on payments (next_try_at) where status in ('pending', 'refunding');
comment on table payments is 'Rows stay for ever: the books.';

-- The built-in provider's own books, which the table of payments knows nothing of: an auditor compares the two.

-- What users have for INVESTOR_MONEY, in minor units. A row is made at the first charge or credit.
-- An auditor holds every balance against the ledger: initial + credits - charges of INVESTOR_MONEY + their refunds = balance.
create table balances (
    user_uuid uuid primary key,
    balance bigint not null check (balance >= 0),
    -- What the balance began with. The configured amount may change; a row keeps the one it was made with.
    initial bigint not null,
    -- The sum of the user's credits, which bounds the next one under the row's lock.
    credited bigint not null default 0 check (credited >= 0)
);
comment on table balances is 'Rows stay for ever: the books.';

-- What was asked and what came of it, once per key. Charges less refunds are what an order has been paid; a decline moves nothing.
create table ledger_entries (
    key text primary key,
    kind text not null check (kind in ('charge', 'decline', 'refund')),
    decline_reason text check (decline_reason in ('PAYMENT_DECLINED', 'INSUFFICIENT_FUNDS')),
    order_uuid uuid not null,
    user_uuid uuid not null,
    method text not null check (method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    amount bigint not null check (amount > 0),
    created_at timestamptz not null default now(),
    check ((kind = 'decline') = (decline_reason is not null))
);
create index ledger_entries_order on ledger_entries (order_uuid);
comment on table ledger_entries is 'Rows stay for ever: the books.';

-- Money that was added to balances, once per reference.
create table credits (
    reference text primary key check (char_length(reference) between 1 and 64),
    user_uuid uuid not null,
    -- Minor units.
    amount bigint not null check (amount > 0),
    created_at timestamptz not null default now()
);
create index credits_user on credits (user_uuid);
comment on table credits is 'Rows stay for ever: the books.';
