create table orders (
    uuid uuid primary key,
    user_uuid uuid not null,
    -- As sent, a repeated uuid being a quantity. An array, since an order is written once, read whole and never searched by part.
    part_uuids uuid[] not null check (cardinality(part_uuids) > 0),
    -- Minor units. The prices were frozen when the parts were reserved.
    total_price bigint not null check (total_price >= 0),
    status text not null check (status in ('PENDING_PAYMENT', 'PAID', 'CANCELLED', 'ASSEMBLED')),
    -- Attempts to pay, counted from 1; each is charged at most once.
    attempt integer not null default 0,
    -- Set while the last attempt is in flight or its outcome is unknown.
    attempt_method text check (attempt_method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    -- When the reconciler asks how the attempt went, if nobody has found out by then.
    attempt_next_at timestamptz,
    -- True once somebody besides whoever began it may have asked payment for it: it cannot be abandoned any more.
    attempt_shared boolean not null default false,
    payment_method text check (payment_method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    transaction_uuid uuid,
    pay_until timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((attempt_method is null) = (attempt_next_at is null)),
    check (attempt_method is null or status = 'PENDING_PAYMENT'),
    check ((payment_method is null) = (transaction_uuid is null)),
    check (status not in ('PAID', 'ASSEMBLED') or transaction_uuid is not null)
);
create index orders_of_user on orders (user_uuid, created_at desc, uuid desc);
create index orders_to_pay on orders (pay_until) where status = 'PENDING_PAYMENT' and attempt_method is null;
create index orders_unsettled on orders (attempt_next_at) where attempt_method is not null;

-- What an Idempotency-Key stands for: a request that runs until its lease ends, then what came of it.
create table idempotency_keys (
    user_uuid uuid not null,
    key text not null check (length(key) between 1 and 255),
    -- SHA-256 of method, path and body.
    fingerprint bytea not null,
    -- The order that the request makes or is about: a request that is taken over goes on with the same one.
    order_uuid uuid not null,
    -- The attempt that a payment has begun.
    attempt integer,
    lease_until timestamptz not null,
    outcome jsonb,
    created_at timestamptz not null default now(),
    primary key (user_uuid, key)
);
create index idempotency_keys_attempt on idempotency_keys (order_uuid, attempt) where attempt is not null;
create index idempotency_keys_created_at on idempotency_keys (created_at);
