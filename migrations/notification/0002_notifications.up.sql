-- One row per order and kind: what its user is to be told, or was. The queue is the rows that are queued.
create table notifications (
    uuid uuid primary key,
    order_uuid uuid not null,
    user_uuid uuid not null,
    kind text not null check (kind in ('order_paid', 'ship_assembled', 'order_cancelled')),
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
    -- Written before a hand-over and cleared by its outcome: what is left of a crash is a hand-over that nobody knows the end of.
    sending_since timestamptz,
    next_attempt_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    -- Why the last attempt was not the end, or why it was.
    problem text,
    unique (order_uuid, kind),
    check ((status = 'sent') = (sent_at is not null)),
    check (sending_since is null or status = 'queued')
);
-- A chat's messages go out in their order; one that has no chat yet waits for nobody.
create index notifications_queued on notifications (coalesce(chat, uuid::text), created_at, uuid) where status = 'queued';
create index notifications_sending on notifications (sending_since) where sending_since is not null;

-- The first update of each bot that has not been looked at yet. Telegram counts anew, from anywhere, after a week without updates.
create table bot_offsets (
    bot text primary key,
    next_update bigint not null,
    updated_at timestamptz not null default now()
);
