drop index orders_ended_with_address;
alter table orders drop column address_kept_from;
comment on column orders.delivery_address is 'As the user sent it; null: not delivered. Personal data: in no event, log, trace or metric.';
