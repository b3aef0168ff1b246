-- Set once the user's account has ended: the address is removed as soon as the order has ended. Null: ORDER_ADDRESS_RETENTION after the end.
alter table orders add column address_until timestamptz;
-- The addresses of ended orders, which the job `addresses` removes.
create index orders_ended_with_address on orders (updated_at)
    where delivery_address is not null and (status = 'CANCELLED' or delivery_status in ('DELIVERED', 'FAILED'));
create index orders_of_ended_accounts on orders (address_until) where address_until is not null and delivery_address is not null;
comment on column orders.delivery_address is
    'As the user sent it; null: not delivered, or removed by the job addresses. Personal data: in no event, log, trace or metric.';
