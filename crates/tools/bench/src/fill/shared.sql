-- Settings and functions that all fills use. Orders are numbered from 1. The settings bench.first and bench.last are
-- the first and last order that a fill adds. bench.open is how many of the last orders are still in progress, and
-- bench.parts is the size of the catalogue. Rows are dated over the last six hours in the order of their numbers, so
-- that no retention removes them. PostgreSQL must not check the functions' bodies, since not every database has the
-- tables that they name.
set check_function_bodies = off;

create or replace function pg_temp.first() returns bigint stable language sql as $$ select current_setting('bench.first')::bigint $$;
create or replace function pg_temp.last() returns bigint stable language sql as $$ select current_setting('bench.last')::bigint $$;

-- Returns true for the orders that are still in progress: the last bench.open ones.
create or replace function pg_temp.is_open(number bigint) returns boolean stable language sql
as $$ select number > current_setting('bench.last')::bigint - current_setting('bench.open')::bigint $$;

create or replace function pg_temp.at(number bigint) returns timestamptz stable language sql
as $$ select now() - interval '6 hours' * (1 - number::float8 / current_setting('bench.last')::float8) - interval '1 second' $$;

-- Returns an id like those of ids::v7, which grow with the number. It is the same in every database.
create or replace function pg_temp.id(kind text, number bigint) returns uuid immutable language sql
as $$ select (lpad(to_hex(1700000000000 + number), 12, '0') || '7' || overlay(substr(md5(kind || number), 14) placing '8' from 4))::uuid $$;

-- Returns an id without an order, like derived and random ids.
create or replace function pg_temp.random_id(kind text, number bigint) returns uuid immutable language sql
as $$ select md5(kind || number)::uuid $$;

-- Returns the user of an order. The first thousand orders belong to the users in bench.users, if there are any. Every
-- other user has ten orders.
create or replace function pg_temp.user_of(number bigint) returns uuid stable language sql as $$
    select case
        when number <= 1000 and current_setting('bench.users') <> '{}'
        then (current_setting('bench.users')::uuid[])[1 + number % cardinality(current_setting('bench.users')::uuid[])]
        else md5('user' || number / 10)::uuid
    end
$$;

create or replace function pg_temp.trace(number bigint) returns jsonb immutable language sql
as $$ select jsonb_build_object('traceparent', '00-' || md5('trace' || number) || '-' || left(md5('span' || number), 16) || '-01') $$;

-- Inserts one event of each of these types per order. The payload of an order's event has 150 to 250 bytes.
create or replace function pg_temp.fill_outbox(types text[]) returns void language sql as $$
    insert into outbox (event_uuid, event_type, key, payload, trace, created_at, published_at)
    select pg_temp.random_id(type, number), type, pg_temp.id('order', number),
        decode(repeat(md5(type || number), 12), 'hex'), pg_temp.trace(number), pg_temp.at(number),
        case when not pg_temp.is_open(number) then pg_temp.at(number) + interval '20 ms' end
    from generate_series(pg_temp.first(), pg_temp.last()) as number
    cross join unnest(types) as type
    order by number
$$;

-- Inserts one row per order for each of these consumers, as if each had handled an event of each order.
create or replace function pg_temp.fill_inbox(consumers text[]) returns void language sql as $$
    insert into inbox (consumer, event_uuid, received_at)
    select consumer, pg_temp.random_id(consumer, number), pg_temp.at(number)
    from generate_series(pg_temp.first(), pg_temp.last()) as number
    cross join unnest(consumers) as consumer
    order by number
$$;
