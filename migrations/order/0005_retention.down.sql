comment on table idempotency_keys is null;
comment on table orders is null;
comment on table leases is null;
comment on table inbox is null;
comment on table outbox is null;
drop index outbox_set_aside, outbox_to_publish;
alter table outbox drop column set_aside_at;
