comment on table bot_offsets is null;
comment on table leases is null;
comment on table inbox is null;
