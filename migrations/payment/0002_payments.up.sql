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
    provider_reference text,
    -- True once the order is cancelled: what is charged is given back, and nothing is charged any more.
    cancelled boolean not null default false,
    tries integer not null default 0,
    -- Whoever made the row asks the provider first; the background follows when he has not come back.
    next_try_at timestamptz not null default now() + interval '5 seconds',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (order_uuid, attempt),
    check (num_nonnulls(attempt, user_uuid, method, amount, provider) = case when status = 'void' then 0 else 5 end),
    check ((status = 'declined') = (decline_reason is not null)),
    check ((status in ('succeeded', 'refunding', 'refunded')) = (provider_reference is not null)),
    check (cancelled or status not in ('refunding', 'refunded', 'void')),
    check (not (cancelled and status = 'succeeded'))
);
-- An order's place: one attempt at a time, none after a success, none after the cancellation. Paying and cancelling meet here, so
-- that either sees what the other did, however they are timed.
create unique index payments_place on payments (order_uuid) where status <> 'declined' or cancelled;
create index payments_unfinished on payments (next_try_at) where status in ('pending', 'refunding');

-- Payments that users make themselves: they buy nothing, charge nothing and never stand for an order of the shop.
create table direct_payments (
    order_uuid uuid not null,
    user_uuid uuid not null,
    transaction_uuid uuid not null unique,
    method text not null check (method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    created_at timestamptz not null default now(),
    primary key (order_uuid, user_uuid)
);
