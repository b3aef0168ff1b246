-- Where an order is delivered, and order's copy of what delivery has told of it: answers while delivery is away. Replicas that know
-- nothing of it go on as before: they take orders without their address, and tell delivery nothing of one that they find paid. So
-- users are offered delivery once the last such replica is gone.
alter table orders
    add column delivery_address text,
    add column delivery_uuid uuid,
    add column delivery_status text,
    add column tracking_number text,
    add column estimated_delivery date;

-- Not validated: every existing row has nulls, and a scan would hold up the orders that are under way.
alter table orders
    add constraint orders_delivery_address_check check (char_length(delivery_address) between 1 and 300) not valid,
    add constraint orders_delivery_status_check
        check (delivery_status in ('PENDING', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'FAILED')) not valid,
    add constraint orders_delivery_check check (
        (delivery_uuid is null) = (delivery_status is null) and (delivery_uuid is null) = (tracking_number is null)
        and (delivery_uuid is not null or estimated_delivery is null)) not valid;

comment on column orders.delivery_address is 'As the user sent it; null: not delivered. Personal data: in no event, log, trace or metric.';
comment on column orders.delivery_uuid is 'The delivery''s uuid in the service delivery; null until DeliveryStatusUpdated has told it.';
comment on column orders.delivery_status is 'The latest status that DeliveryStatusUpdated has told; never an earlier one again.';
comment on column orders.tracking_number is 'As DeliveryStatusUpdated told it with that status.';
comment on column orders.estimated_delivery is 'UTC. As DeliveryStatusUpdated told it with that status.';
