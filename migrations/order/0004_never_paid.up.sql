-- Orders that were never paid count towards their user's limit for a day, cancelled ones too.
create index orders_never_paid on orders (user_uuid, created_at)
    where status in ('PENDING_PAYMENT', 'CANCELLED') and transaction_uuid is null;
drop index orders_unpaid;
