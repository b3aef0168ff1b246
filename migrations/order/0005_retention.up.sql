-- When the relay found that it has no topic for the row, or for an earlier one of its key that waits: it is published once
-- that one is, and holds up no other key until then.
alter table outbox add column set_aside_at timestamptz;
create index outbox_to_publish on outbox (id) where published_at is null and set_aside_at is null;
create index outbox_set_aside on outbox (key, id) where set_aside_at is not null and published_at is null;

-- What removes the rows of each table. An event's rows outlive its records: Kafka keeps a record until the segment that it is in
-- is older than the topic's retention, so for KAFKA_TOPIC_RETENTION and KAFKA_TOPIC_SEGMENT.
comment on table outbox is 'Published rows are removed by the job outbox-retention after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day. A row that is not published stays.';
comment on table inbox is 'Rows are removed by the job inbox after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
comment on table leases is 'Rows are never removed: one per job, however many replicas there are.';
comment on table orders is 'Rows stay for ever: the books.';
comment on table idempotency_keys is 'Rows are removed by the job idempotency-keys after 24 hours.';
