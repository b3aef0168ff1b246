-- What waits for one chat is handed over together, and a hand-over reads a bounded part of the queue however long it is. From a
-- chat's first row the next chat's is one probe of this index away. Repeats of what ended without an answer stand in a queue of
-- their own (ambiguous), so that nothing waits behind them. The condition says queued in other words than that of
-- notifications_queued does, so that neither index is ever taken for the other one's queries.
create index notifications_waiting on notifications (ambiguous, chat, created_at, uuid)
    where status not in ('sent', 'failed') and chat is not null;
create index notifications_unaddressed on notifications (created_at, uuid)
    where status not in ('sent', 'failed') and chat is null;
-- Of a row that is not queued, next_attempt_at is when it ended.
create index notifications_ended on notifications (next_attempt_at) where status <> 'queued';

-- Each row leaves the queue's indexes once. They stay short only if what has left is vacuumed soon, whatever the table holds.
alter table notifications set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

comment on table notifications is
    'One row per order and kind. Removed by the job "notifications" of the notification service, once it has been sent or has '
    'failed for longer than the topics keep their records and a day more; a queued row stays until then.';
comment on table bot_offsets is
    'One row per bot. Removed by the job "bot_offsets" of the notification service, once the bot has had no update for longer '
    'than the topics keep their records and a day more, and for six days at least.';

-- The index notifications_queued serves the queries of earlier builds alone; it goes once none of them runs.
