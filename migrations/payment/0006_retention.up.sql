-- What removes the rows of each table. An event's rows outlive its records: Kafka keeps a record until the segment that it is in
-- is older than the topic's retention, so for KAFKA_TOPIC_RETENTION and KAFKA_TOPIC_SEGMENT.
comment on table inbox is 'Rows are removed by the job inbox after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';
comment on table leases is 'Rows are never removed: one per job, however many replicas there are.';
comment on table payments is 'Rows stay for ever: the books.';
comment on table direct_payments is 'Rows stay for ever: the books.';
comment on table balances is 'Rows stay for ever: the books.';
comment on table ledger_entries is 'Rows stay for ever: the books.';
