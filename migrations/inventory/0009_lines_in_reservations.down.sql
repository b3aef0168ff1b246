insert into earlier_reservation_items (order_uuid, part_uuid, quantity, unit_price)
select reservations.order_uuid, line.part_uuid, line.quantity, line.unit_price
from reservations
cross join lateral unnest(part_uuids, quantities, unit_prices) as line (part_uuid, quantity, unit_price);

drop view reservation_items;
drop function insert_earlier_reservation_item();
alter table earlier_reservation_items rename to reservation_items;
comment on table reservation_items is 'Rows stay for ever: the books.';
alter table reservations
    drop column part_uuids,
    drop column quantities,
    drop column unit_prices;
