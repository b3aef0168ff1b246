-- The unpaid orders of a user, which the statement that creates an order counts up to the limit.
create index orders_unpaid on orders (user_uuid) where status = 'PENDING_PAYMENT';
