insert into actions (operator_uuid, action, subject, result)
select pg_temp.user_of(number), 'restock', 'part', 'done' from generate_series(pg_temp.first(), pg_temp.last()) as number;
insert into action_checkpoints (action, hash, signed_at, kid, signature)
select number, repeat('a', 64), pg_temp.at(number), 'key', ''::bytea from generate_series(pg_temp.first(), pg_temp.last()) as number;
insert into resolved_letters (letter, given_up_at, action, decided_by, at, why, consumer, event_uuid, order_uuid, partition, record_offset,
    cluster, published_at)
select 'order.paid.dlq/0/' || number, pg_temp.at(number), 'replayed', 'cli:bench', pg_temp.at(number), '', 'assembly-group-order-paid',
    pg_temp.random_id('paid', number), pg_temp.id('order', number), 0, number, 'cluster', pg_temp.at(number)
from generate_series(pg_temp.first(), pg_temp.last()) as number;
