-- The dead letters that operators have resolved, including those that were pruned since.
create table resolved_letters (
    -- The letter's id, such as `order.paid.dlq/0/17`.
    letter text not null,
    -- When the message was dead-lettered. It distinguishes letters with the same id after a topic was recreated.
    given_up_at timestamptz not null,
    action text not null check (action in ('replayed', 'discarded')),
    -- As in the books of other services. Versions before December 2026 have stored a login or a name.
    decided_by text not null,
    at timestamptz not null,
    -- The operator's reason; empty for a replay.
    why text not null,
    -- The consumer group that failed to handle the message.
    consumer text not null,
    event_uuid uuid,
    -- The record's key, if it is an order's UUID.
    order_uuid uuid,
    -- The original record. Its cluster is empty, and the rest is null, if the letter does not tell it.
    partition integer,
    record_offset bigint,
    cluster text not null,
    published_at timestamptz,
    primary key (letter, given_up_at)
);
-- For the receipts of orders.
create index resolved_letters_of_order on resolved_letters (order_uuid);
comment on table resolved_letters is 'Rows stay for ever: an audit explains missing effects by the discarded letters.';
