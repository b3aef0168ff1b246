create index orders_to_pay on orders (pay_until) where status = 'PENDING_PAYMENT' and attempt_method is null;
drop index orders_overdue;
alter table orders drop column next_try_at, drop constraint orders_finite, drop constraint orders_parts;
