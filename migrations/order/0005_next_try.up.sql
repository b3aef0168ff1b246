-- What the program cannot read. Only rows by hand have such values.
update orders
set part_uuids = coalesce(nullif(array_remove(part_uuids, null), '{}'), array['00000000-0000-0000-0000-000000000000'::uuid]),
    created_at = case when isfinite(created_at) then created_at else now() end,
    pay_until = case when isfinite(pay_until) then pay_until else now() end,
    estimated_delivery = case when isfinite(estimated_delivery) then estimated_delivery end
where not (array_position(part_uuids, null) is null and isfinite(created_at) and isfinite(pay_until)
    and isfinite(coalesce(estimated_delivery, 'epoch')));
-- The rows that exist were mended, so that they need no look.
alter table orders
    add constraint orders_parts check (array_position(part_uuids, null) is null) not valid,
    add constraint orders_finite check (isfinite(created_at) and isfinite(pay_until)
        and isfinite(coalesce(estimated_delivery, 'epoch'))) not valid;

-- When an overdue order that a replica has taken to cancel it is due again. Null if that has not happened.
alter table orders add column next_try_at timestamptz;
create index orders_overdue on orders (greatest(pay_until, next_try_at)) where status = 'PENDING_PAYMENT' and attempt_method is null;
drop index orders_to_pay;
