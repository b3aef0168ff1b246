-- The built-in provider's own books, which the table of payments knows nothing of: an auditor compares the two.

-- What users have for INVESTOR_MONEY. A row is made at the first charge.
create table balances (
    user_uuid uuid primary key,
    -- Minor units.
    balance bigint not null check (balance >= 0)
);

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
