-- Half of the queued notifications have no chat yet. Some are repeats of a delivery attempt that ended without an
-- answer.
insert into notifications (uuid, order_uuid, user_uuid, kind, facts, trace, status, chat, attempts, ambiguous, next_attempt_at, created_at, sent_at)
select pg_temp.random_id(kind, number), pg_temp.id('order', number), pg_temp.user_of(number), kind,
    jsonb_build_object('payment_method', 'CARD', 'transaction_uuid', pg_temp.id('transaction', number)), pg_temp.trace(number),
    case when pg_temp.is_open(number) then 'queued' else 'sent' end,
    case when not pg_temp.is_open(number) or number % 2 = 0 then (100000 + number % 5000)::text end,
    case when pg_temp.is_open(number) then 0 else 1 end, pg_temp.is_open(number) and number % 20 = 0,
    case when pg_temp.is_open(number) then now() + interval '1 hour' else pg_temp.at(number) end, pg_temp.at(number),
    case when not pg_temp.is_open(number) then pg_temp.at(number) end
from generate_series(pg_temp.first(), pg_temp.last()) as number
cross join unnest(array['order_paid', 'ship_assembled']) as kind
order by number;

insert into bot_offsets (bot, next_update) values ('bot', 1) on conflict do nothing;

select pg_temp.fill_inbox(array['notification-group-order-paid', 'notification-group-order-assembled']);
