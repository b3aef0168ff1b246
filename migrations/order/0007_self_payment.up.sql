-- The price of one piece of each part, in the order in which part_uuids first names them. Minor units, as reserved. Null for an order
-- that a build without the column created.
alter table orders add column unit_prices bigint[];

-- The last attempt that payment declined, and why: the status in /api/orders until the next attempt begins.
alter table orders add column declined_attempt integer;
alter table orders add column decline text check (decline in ('PAYMENT_DECLINED', 'INSUFFICIENT_FUNDS'));

-- When the order is next paid from its user's balance without a request. Null for an order that is paid by requests alone, and once an
-- attempt from the balance was declined. Replicas of an older version leave both columns as they are.
alter table orders add column self_payment_at timestamptz;
alter table orders add column self_payment_tries integer not null default 0;
create index orders_self_payment on orders (self_payment_at)
    where self_payment_at is not null and status = 'PENDING_PAYMENT' and attempt_method is null;
