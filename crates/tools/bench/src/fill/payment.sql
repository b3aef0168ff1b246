insert into payments (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider, status, decline_reason, provider_reference,
    next_try_at, created_at, updated_at)
select pg_temp.id('transaction', number), pg_temp.id('order', number), 1, pg_temp.user_of(number), 'CARD', 20000, 'ledger', status,
    case when status = 'declined' then 'PAYMENT_DECLINED' end, case when status = 'succeeded' then 'ledger' end,
    now() + interval '1 hour', pg_temp.at(number), pg_temp.at(number)
from (
    select number, case when pg_temp.is_open(number) then 'pending' when number % 30 = 0 then 'declined' else 'succeeded' end as status
    from generate_series(pg_temp.first(), pg_temp.last()) as number
) as numbered
order by number;

insert into ledger_entries (key, kind, decline_reason, order_uuid, user_uuid, method, amount, created_at)
select 'charge:' || pg_temp.id('order', number) || ':1', case when number % 30 = 0 then 'decline' else 'charge' end,
    case when number % 30 = 0 then 'PAYMENT_DECLINED' end, pg_temp.id('order', number), pg_temp.user_of(number), 'CARD', 20000,
    pg_temp.at(number)
from generate_series(pg_temp.first(), pg_temp.last()) as number
order by number;

insert into partial_refunds (refund_uuid, transaction_uuid, reference, amount, reason, decided_by, status, created_at, updated_at)
select pg_temp.id('refund', number), pg_temp.id('transaction', number), 'late', 100, 'GOODWILL', gen_random_uuid(),
    case when number % 30 = 1 then 'refunding' else 'refunded' end, pg_temp.at(number), pg_temp.at(number)
from generate_series(pg_temp.first(), pg_temp.last()) as number where number % 30 between 1 and 10
order by number;

insert into balances (user_uuid, balance, initial)
select pg_temp.user_of(number), 100000, 100000 from generate_series(pg_temp.first(), pg_temp.last()) as number where number % 10 = 0
on conflict do nothing;

insert into credits (reference, user_uuid, amount, created_at)
select 'loan ' || number, pg_temp.user_of(number), 100, pg_temp.at(number) from generate_series(pg_temp.first(), pg_temp.last()) as number where number % 2 = 0;

select pg_temp.fill_outbox(array['events.v1.PaymentCompleted']);
select pg_temp.fill_inbox(array['payment-group-order-cancelled']);
