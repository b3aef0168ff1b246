drop index orders_waiting;
create index orders_waiting on orders (volume, waiting_since, uuid) where state = 'CREATED';
alter table couriers drop column next_try_at;
alter table orders drop column next_try_at, drop constraint orders_finite;
