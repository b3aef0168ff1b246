alter table partial_refunds drop column requested_at;
