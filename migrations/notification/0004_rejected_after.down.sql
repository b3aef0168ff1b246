alter table notifications drop column rejected_after;
