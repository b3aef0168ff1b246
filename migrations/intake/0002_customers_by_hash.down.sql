-- Fails while an order has a customer_id that is longer than a row of a btree holds.
create index orders_of_customer on orders (customer_id) where erased_at is null;
drop index orders_by_customer;
