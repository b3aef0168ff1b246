-- What the program cannot read. Only rows by hand have such values.
update orders
set estimated_date = case when isfinite(estimated_date) then estimated_date when estimated_date is not null then current_date end,
    waiting_since = case when isfinite(waiting_since) then waiting_since when waiting_since is not null then now() end
where not (isfinite(coalesce(estimated_date, 'epoch')) and isfinite(coalesce(waiting_since, 'epoch')));
-- The rows that exist were mended, so that they need no look.
alter table orders add constraint orders_finite
    check (isfinite(coalesce(estimated_date, 'epoch')) and isfinite(coalesce(waiting_since, 'epoch'))) not valid;

-- When an order and a courier may be assigned again after their assignment was refused, which one of the two rows is the reason of. Null if
-- that has not happened; the courier's is null again once it gets an order.
alter table orders add column next_try_at timestamptz;
alter table couriers add column next_try_at timestamptz;
drop index orders_waiting;
-- Assignment reads the first of each volume that a free place holds, and none of the others.
create index orders_waiting on orders (volume, greatest(waiting_since, next_try_at), uuid) where state = 'CREATED';
