comment on table reservation_items is null;
comment on table reservations is null;
comment on table restock_items is null;
comment on table restocks is null;
comment on table parts is null;
comment on table leases is null;
comment on table inbox is null;
