-- Of a basket the uuid that the program outside gave it. The row's own uuid is derived from it (`generate.rs`), so that a basket and an order of
-- the shop never share a row. Baskets of before keep their uuid and have none here.
alter table orders add column basket_uuid uuid check (basket_uuid is null or user_uuid is null);
