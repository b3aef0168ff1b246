-- From when an address' retention counts, if not from the end of its order: -infinity once the user's account has ended.
alter table orders add column address_kept_from timestamptz;
-- The addresses of ended orders, which the job `addresses` removes.
create index orders_ended_with_address on orders (coalesce(address_kept_from, updated_at))
    where delivery_address is not null and (status = 'CANCELLED' or delivery_status in ('DELIVERED', 'FAILED'));
comment on column orders.delivery_address is
    'As the user sent it; null: not delivered, or removed by the job addresses. Personal data: in no event, log, trace or metric.';
