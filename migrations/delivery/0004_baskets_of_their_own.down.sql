-- A basket with the uuid of an order keeps the derived one.
with moved as (
    update orders set uuid = basket_uuid
    from (select uuid as derived, basket_uuid as given from orders) as before
    where uuid = derived and given is not null and not exists (select from orders as other where other.uuid = given)
    returning derived, given
), carried as (
    update couriers set order_uuid = moved.given from moved where couriers.order_uuid = moved.derived
)
update storage_places set order_uuid = moved.given from moved where storage_places.order_uuid = moved.derived;
alter table orders drop column basket_uuid;
