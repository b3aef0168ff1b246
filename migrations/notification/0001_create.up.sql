-- One row per order and kind: what its user is to be told, or was. The queue is the rows that are queued.
create table notifications (
    uuid uuid primary key,
    order_uuid uuid not null,
    user_uuid uuid not null,
    kind text not null check (kind in ('order_paid', 'ship_assembled', 'order_cancelled', 'ship_delivered')),
    -- What the template may say, as the event had it.
    facts jsonb not null,
    -- The trace context of the order, which the hand-over continues.
    trace jsonb not null,
    status text not null default 'queued' check (status in ('queued', 'sent', 'failed')),
    -- Found when it is first sent and kept, so that every attempt goes to the same chat: with the key below, a chat is told of
    -- an order and kind once.
    chat text,
    -- How often it was handed to the provider.
    attempts integer not null default 0 check (attempts >= 0),
    -- A hand-over ended without an answer. It is repeated once; another end without an answer is the last.
    ambiguous boolean not null default false,
    -- Written before a hand-over and cleared by its outcome: what a crash leaves is a hand-over whose end is unknown.
    sending_since timestamptz,
    -- Of a row that is not queued, when it ended.
    next_attempt_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    -- Why the last attempt was not the end, or why it was.
    problem text,
    unique (order_uuid, kind),
    check ((status = 'sent') = (sent_at is not null)),
    check (sending_since is null or status = 'queued')
)
-- Each row leaves the queue's indexes once. They stay short only if what has left is vacuumed soon, whatever the table holds.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index notifications_sending on notifications (sending_since) where sending_since is not null;
-- What waits for one chat is handed over together, and a hand-over reads a bounded part of the queue however long it is. From a
-- chat's first row the next chat's is one probe of this index away. Repeats of what ended without an answer stand in a queue of
-- their own (ambiguous), so that nothing waits behind them.
create index notifications_waiting on notifications (ambiguous, chat, created_at, uuid)
    where status not in ('sent', 'failed') and chat is not null;
create index notifications_unaddressed on notifications (created_at, uuid)
    where status not in ('sent', 'failed') and chat is null;
create index notifications_ended on notifications (next_attempt_at) where status <> 'queued';
comment on table notifications is
    'One row per order and kind. Removed by the job "notifications" of the notification service, once it has been sent or has '
    'failed for longer than the topics keep their records and a day more; a queued row stays until then.';

-- The first update of each bot that has not been looked at yet. Telegram counts anew, from anywhere, after a week without updates.
create table bot_offsets (
    bot text primary key,
    next_update bigint not null,
    updated_at timestamptz not null default now()
);
comment on table bot_offsets is
    'One row per bot. Removed by the job "bot_offsets" of the notification service, once the bot has had no update for longer '
    'than the topics keep their records and a day more.';

create table alerts (
    fingerprint text not null,
    status text not null check (status in ('firing', 'resolved')),
    starts_at timestamptz not null,
    -- Until then one replica sends it, and others wait.
    claimed_until timestamptz not null,
    -- The messenger did not answer an attempt, so it may have arrived.
    unanswered boolean not null default false,
    sent_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (fingerprint, status, starts_at)
);
comment on table alerts is
    'One row per report of Alertmanager, so that each is sent once. Removed by the job "alerts" of the notification service, once it is '
    'older than the topics keep their records and a day more.';
