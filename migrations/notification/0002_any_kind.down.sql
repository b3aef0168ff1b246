-- Rows of kinds that a newer version has queued stay.
alter table notifications add constraint notifications_kind_check
    check (kind in ('order_paid', 'ship_assembled', 'order_cancelled', 'ship_delivered')) not valid;
