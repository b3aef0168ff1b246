-- The records of the topics of orders, each once.
create table timeline (
    -- Assigned from `places` in the order of commits: a reader that has seen a place has seen every lower one.
    place bigint primary key,
    -- A topic that was deleted and created again has another id, and so has each topic of a broker that begins anew.
    topic_id text not null,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    order_uuid uuid not null,
    user_uuid uuid,
    event_uuid uuid,
    kind text not null,
    committed_at timestamptz not null,
    published_at timestamptz not null,
    consumed_at timestamptz not null,
    trace_id text,
    payload jsonb not null,
    headers jsonb not null,
    unique (topic_id, topic, partition, record_offset)
);
create index timeline_order on timeline (order_uuid, place);
create index timeline_consumed_at on timeline (consumed_at);
comment on table timeline is 'Removed by the job "timeline" after KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT + 1 day.';

-- One row, which each insert into `timeline` locks until its commit.
create table places (
    is_only boolean primary key default true check (is_only),
    last bigint not null
);
insert into places (last) values (0);
comment on table places is 'Rows are never removed: there is one.';

-- What operators did in the console.
create table actions (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    operator_uuid uuid not null,
    action text not null,
    -- What it was done to: ids and topics, no personal data.
    subject text not null,
    result text not null
);
comment on table actions is 'Rows stay for ever: they are the log of operators'' actions.';
