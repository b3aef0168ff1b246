-- A reservation has its lines in its own row: they are written and read together, and are never changed. In a table of their own each
-- line was a row with an entry in an index and two foreign keys to check, which took a third of the statement that reserves.
alter table reservations
    add column part_uuids uuid[],
    -- Units of the part, in the order of part_uuids.
    add column quantities bigint[],
    -- Minor units (cents) for one unit of the part, in the order of part_uuids.
    add column unit_prices bigint[],
    -- An order that was released before it reserved has no lines: the columns are null.
    add check (cardinality(part_uuids) > 0),
    add check (cardinality(quantities) = cardinality(part_uuids) and 0 < all(quantities)),
    add check (cardinality(unit_prices) = cardinality(part_uuids) and 0 < all(unit_prices));

-- The lines of reservations that an earlier release made. They are not moved: a reservation has its lines in one of both places.
alter table reservation_items rename to earlier_reservation_items;
comment on table earlier_reservation_items is 'Rows stay for ever: the books. Reservations that were made by releases before migration 0009.';

-- The lines of all reservations, under the name that earlier releases know: one that runs beside this release during a rollout finds the
-- lines of every reservation here, and adds the lines of its own.
create view reservation_items as
    select order_uuid, part_uuid, quantity, unit_price
    from earlier_reservation_items
    union all
    select reservations.order_uuid, line.part_uuid, line.quantity, line.unit_price
    from reservations
    cross join lateral unnest(part_uuids, quantities, unit_prices) as line (part_uuid, quantity, unit_price);

create function insert_earlier_reservation_item() returns trigger language plpgsql as $$
begin
    insert into earlier_reservation_items (order_uuid, part_uuid, quantity, unit_price)
    select new.order_uuid, new.part_uuid, new.quantity, new.unit_price
    -- The earlier release renews an expired reservation whose lines this release wrote.
    where not exists (select from reservations where order_uuid = new.order_uuid and part_uuids is not null)
    on conflict do nothing;
    return new;
end
$$;
create trigger earlier_release instead of insert on reservation_items
    for each row execute function insert_earlier_reservation_item();
