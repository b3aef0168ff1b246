-- `length` is the position of the topic's last record.
create table topics (
    name text primary key,
    length bigint not null
);

create table records (
    topic text not null references topics,
    position bigint not null,
    key bytea not null,
    payload bytea not null,
    headers jsonb not null,
    primary key (topic, position)
);

-- The last position that each consumer group has processed.
create table positions (
    consumer_group text not null,
    topic text not null,
    position bigint not null,
    primary key (consumer_group, topic)
);
