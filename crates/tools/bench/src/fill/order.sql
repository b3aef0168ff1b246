-- Of the closed orders one in thirty is cancelled, the others are assembled, some of them delivered. Of the open orders
-- a third each waits for an attempt to pay, is being paid, or is paid.
insert into orders (uuid, user_uuid, part_uuids, total_price, status, attempt, attempt_method, attempt_next_at, attempt_epoch,
    payment_method, transaction_uuid, pay_until, created_at, updated_at, delivery_address, delivery_uuid, delivery_status,
    tracking_number, estimated_delivery, unit_prices, self_payment_at)
select pg_temp.id('order', number), pg_temp.user_of(number),
    array[pg_temp.id('part', number % 1000), pg_temp.id('part', number % 1000 + 1)], 20000,
    status, case when status = 'PENDING_PAYMENT' and number % 3 = 0 then 0 else 1 end,
    case when status = 'PENDING_PAYMENT' and number % 3 = 1 then 'CARD' end,
    case when status = 'PENDING_PAYMENT' and number % 3 = 1 then now() + interval '1 hour' end, 1,
    case when status in ('PAID', 'ASSEMBLED') then 'CARD' end,
    case when status in ('PAID', 'ASSEMBLED') then pg_temp.id('transaction', number) end,
    pg_temp.at(number) + interval '24 hours', pg_temp.at(number), pg_temp.at(number),
    case when number % 3 = 0 then 'Harbour Street ' || number end,
    case when number % 3 = 0 and status = 'ASSEMBLED' then pg_temp.id('delivery', number) end,
    case when number % 3 = 0 and status = 'ASSEMBLED' then 'DELIVERED' end,
    case when number % 3 = 0 and status = 'ASSEMBLED' then 'SD' || lpad(number::text, 10, '0') end,
    case when number % 3 = 0 and status = 'ASSEMBLED' then current_date end,
    array[10000, 10000],
    case when status = 'PENDING_PAYMENT' and number % 10 = 0 then now() + interval '1 hour' end
from (
    select number, case
        when pg_temp.is_open(number) then case when number % 3 = 2 then 'PAID' else 'PENDING_PAYMENT' end
        when number % 30 = 0 then 'CANCELLED'
        else 'ASSEMBLED'
    end as status
    from generate_series(pg_temp.first(), pg_temp.last()) as number
) as numbered
order by number;

-- Every order and every payment was requested under an idempotency key.
insert into idempotency_keys (user_uuid, key, fingerprint, order_uuid, attempt, lease_until, outcome, created_at, token)
select pg_temp.user_of(number), what || md5(what || number), decode(repeat(md5(what || number), 2), 'hex'), pg_temp.id('order', number),
    case when what = 'pay' then 1 end, pg_temp.at(number),
    case when not pg_temp.is_open(number) then jsonb_build_object('status', 200, 'body', repeat('x', 150)) end,
    pg_temp.at(number), pg_temp.random_id('token', number)
from generate_series(pg_temp.first(), pg_temp.last()) as number
cross join unnest(array['create', 'pay']) as what
order by number;

select pg_temp.fill_outbox(array['events.v1.OrderCreated', 'events.v1.OrderPaid']);
select pg_temp.fill_inbox(array['order-group-payment-completed', 'order-group-order-assembled', 'order-group-delivery-status-updated']);
