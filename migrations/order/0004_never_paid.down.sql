create index orders_unpaid on orders (user_uuid) where status = 'PENDING_PAYMENT';
drop index orders_never_paid;
