-- Of a basket the uuid that the program outside gave it. The row's own uuid is derived from it (`generate.rs`), so that a basket and an order of
-- the shop never share a row. Baskets of before are moved; tries, which have no user either, are moved with them.
alter table orders add column basket_uuid uuid check (basket_uuid is null or user_uuid is null);
with moved as (
    update orders
    set basket_uuid = uuid, uuid = encode(substring(sha256(convert_to('basket:' || uuid, 'UTF8')) from 1 for 16), 'hex')::uuid
    where user_uuid is null and delivery_uuid is not null
    returning basket_uuid, uuid
), carried as (
    update couriers set order_uuid = moved.uuid from moved where couriers.order_uuid = moved.basket_uuid
)
update storage_places set order_uuid = moved.uuid from moved where storage_places.order_uuid = moved.basket_uuid;
