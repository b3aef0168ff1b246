alter table notifications drop column queued_at;
