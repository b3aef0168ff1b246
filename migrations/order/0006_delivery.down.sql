alter table orders
    drop column estimated_delivery,
    drop column tracking_number,
    drop column delivery_status,
    drop column delivery_uuid,
    drop column delivery_address;
