insert into jobs (order_uuid, user_uuid, status, build_time_sec, fails, trace, started_at, due_at, finished_at)
select pg_temp.id('order', number), pg_temp.user_of(number),
    case when pg_temp.is_open(number) then 'building' when number % 100 = 0 then 'failed' else 'assembled' end, 5, number % 100 = 0,
    pg_temp.trace(number), pg_temp.at(number),
    case when pg_temp.is_open(number) then now() + interval '1 hour' else pg_temp.at(number) end,
    case when not pg_temp.is_open(number) then pg_temp.at(number) end
from generate_series(pg_temp.first(), pg_temp.last()) as number
order by number;

select pg_temp.fill_outbox(array['events.v1.ShipAssembled']);
select pg_temp.fill_inbox(array['assembly-group-order-paid']);
