insert into timeline (place, topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind, committed_at, published_at,
    consumed_at, payload, headers)
select number, 'topic', 'order.created', number % 3, number, pg_temp.id('order', number), pg_temp.user_of(number), gen_random_uuid(),
    'events.v1.OrderCreated', pg_temp.at(number), pg_temp.at(number), pg_temp.at(number), '{}', '{}'
from generate_series(pg_temp.first(), pg_temp.last()) as number;
update places set last = pg_temp.last();
insert into actions (operator_uuid, action, subject, result)
select pg_temp.user_of(number), 'restock', 'part', 'done' from generate_series(pg_temp.first(), pg_temp.last()) as number;
insert into receipts (order_uuid, checks, issued_at, version, digest)
select pg_temp.id('order', number), repeat('a', 64), pg_temp.at(number), '0.2.0', repeat('b', 64)
from generate_series(pg_temp.first(), pg_temp.last()) as number;
