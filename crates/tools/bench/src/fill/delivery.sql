-- Fifty couriers. If orders are open, one courier carries the last one.
insert into couriers (uuid, name, speed, x, y, order_uuid)
select pg_temp.id('courier', number), 'courier ' || number, 1, 1, 1, case when number = 1 and pg_temp.is_open(pg_temp.last()) then pg_temp.id('order', pg_temp.last()) end
from generate_series(1, 50) as number
on conflict do nothing;
insert into storage_places (uuid, courier_uuid, name, total_volume, order_uuid)
select pg_temp.id('place', number), pg_temp.id('courier', number), 'bag', 1000, case when number = 1 and pg_temp.is_open(pg_temp.last()) then pg_temp.id('order', pg_temp.last()) end
from generate_series(1, 50) as number
on conflict do nothing;

insert into orders (uuid, state, status, user_uuid, delivery_uuid, tracking_number, x, y, volume, estimated_date, courier_uuid, steps, trace,
    created_at, waiting_since, updated_at)
select pg_temp.id('order', number), state,
    case state when 'COMPLETED' then 'DELIVERED' when 'FAILED' then 'FAILED' when 'ASSIGNED' then 'IN_TRANSIT'
        when 'PENDING' then 'PENDING' when 'CREATED' then 'PENDING' end,
    pg_temp.user_of(number), case when state <> 'ASSEMBLED_EARLY' then pg_temp.id('delivery', number) end,
    case when state <> 'ASSEMBLED_EARLY' then 'SD' || lpad(number::text, 10, '0') end, 5, 5, 1 + number % 20,
    current_date, case when state = 'COMPLETED' then pg_temp.id('courier', 1 + number % 50) when state = 'ASSIGNED' then pg_temp.id('courier', 1) end,
    case when state in ('COMPLETED', 'ASSIGNED') then 5 end, pg_temp.trace(number), pg_temp.at(number),
    case when state in ('CREATED', 'ASSIGNED', 'COMPLETED') then pg_temp.at(number) end, pg_temp.at(number)
from (
    select number, case
        when pg_temp.is_open(number) and number = pg_temp.last() then 'ASSIGNED'
        when pg_temp.is_open(number) then (array['PENDING', 'CREATED', 'ASSEMBLED_EARLY'])[1 + number % 3]
        when number % 30 = 0 then 'FAILED'
        else 'COMPLETED'
    end as state
    from generate_series(pg_temp.first(), pg_temp.last()) as number
) as numbered
order by number;

select pg_temp.fill_outbox(array['events.v1.DeliveryStatusUpdated']);
select pg_temp.fill_inbox(array['delivery-group-order-paid', 'delivery-group-order-assembled']);
