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
    -- When the reconciler asks how the attempt went, unless it is known by then.
    attempt_next_at timestamptz,
    -- True once another process than the one that began it may have asked payment for it: it cannot be abandoned any more.
    attempt_shared boolean not null default false,
    payment_method text check (payment_method in ('CARD', 'SBP', 'CREDIT_CARD', 'INVESTOR_MONEY')),
    transaction_uuid uuid,
    pay_until timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Who decides about an attempt to pay: each process that takes the attempt raises the epoch, and a write that decides something
    -- is made only under the epoch that its process has. Grows over the order's life.
    attempt_epoch bigint not null default 0,
    -- How often the reconciler has taken the attempt: its pauses grow with it, and fresh attempts come first.
    attempt_tries integer not null default 0,
    -- Where an order is delivered, and order's copy of what delivery has told of it: answers while delivery is away.
    delivery_address text constraint orders_delivery_address_check check (char_length(delivery_address) between 1 and 300),
    delivery_uuid uuid,
    delivery_status text
        constraint orders_delivery_status_check
        check (delivery_status in ('PENDING', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'FAILED')),
    tracking_number text,
    estimated_delivery date,
    -- The price of one piece of each part, in the order in which part_uuids first names them. Minor units, as reserved.
    unit_prices bigint[] not null,
    -- The last attempt that payment declined, and why: the status in /api/orders until the next attempt begins.
    declined_attempt integer,
    decline text check (decline in ('PAYMENT_DECLINED', 'INSUFFICIENT_FUNDS')),
    -- When the order is next paid from its user's balance without a request. Null for an order that is paid by requests alone, and once an
    -- attempt from the balance was declined.
    self_payment_at timestamptz,
    self_payment_tries integer not null default 0,
    check ((attempt_method is null) = (attempt_next_at is null)),
    check (attempt_method is null or status = 'PENDING_PAYMENT'),
    check ((payment_method is null) = (transaction_uuid is null)),
    check (status not in ('PAID', 'ASSEMBLED') or transaction_uuid is not null),
    constraint orders_delivery_check check (
        (delivery_uuid is null) = (delivery_status is null) and (delivery_uuid is null) = (tracking_number is null)
        and (delivery_uuid is not null or estimated_delivery is null))
)
-- An order leaves the indexes of what is unpaid and unsettled, whose dead entries the jobs read past until they are vacuumed: by default
-- after a fifth of the table has changed, so that each look costs more the more orders there are. The statistics follow as soon, since a
-- plan for few unpaid orders reads all of them.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
create index orders_of_user on orders (user_uuid, created_at desc, uuid desc);
create index orders_to_pay on orders (pay_until) where status = 'PENDING_PAYMENT' and attempt_method is null;
create index orders_unsettled on orders (attempt_next_at) where attempt_method is not null;
create index orders_self_payment on orders (self_payment_at)
    where self_payment_at is not null and status = 'PENDING_PAYMENT' and attempt_method is null;
-- The unpaid orders of a user, which the statement that creates an order counts up to the limit.
create index orders_unpaid on orders (user_uuid) where status = 'PENDING_PAYMENT';
comment on table orders is 'Rows stay for ever: the books.';
comment on column orders.delivery_address is 'As the user sent it; null: not delivered. Personal data: in no event, log, trace or metric.';
comment on column orders.delivery_uuid is 'The delivery''s uuid in the service delivery; null until DeliveryStatusUpdated has told it.';
comment on column orders.delivery_status is 'The latest status that DeliveryStatusUpdated has told; never an earlier one again.';
comment on column orders.tracking_number is 'As DeliveryStatusUpdated told it with that status.';
comment on column orders.estimated_delivery is 'UTC. As DeliveryStatusUpdated told it with that status.';

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
    -- The request that holds the key: a request whose lease another one has taken over is fenced off, and changes nothing any more.
    token uuid not null,
    primary key (user_uuid, key)
);
create index idempotency_keys_attempt on idempotency_keys (order_uuid, attempt) where attempt is not null;
create index idempotency_keys_created_at on idempotency_keys (created_at);
comment on table idempotency_keys is 'Rows are removed by the job idempotency-keys after 24 hours.';
