-- Orders contain only the first thousand parts.
insert into parts (part_uuid, name, description, price, category, length, width, height, weight, manufacturer_name, manufacturer_country,
    manufacturer_website, tags, metadata, initial, available)
select pg_temp.id('part', number), 'part ' || number, 'a part', 10000, (array['engine', 'fuel', 'porthole', 'wing'])[1 + number % 4], 1, 1, 1, 1,
    'maker', 'country ' || number % 100, 'https://maker.example', array['tag ' || number % 300, 'all'], '{}', 1000000000, 1000000000
from generate_series(0, greatest(1000, current_setting('bench.parts')::bigint)) as number
on conflict do nothing;

insert into reservations (order_uuid, status, expires_at, created_at, updated_at, part_uuids, quantities, unit_prices)
select pg_temp.id('order', number), status, case when status = 'held' then now() + interval '1 hour' end, pg_temp.at(number), pg_temp.at(number),
    array[pg_temp.id('part', number % 1000), pg_temp.id('part', number % 1000 + 1)], array[1, 1], array[10000, 10000]
from (
    select number, case
        when pg_temp.is_open(number) then case when number % 2 = 0 then 'held' else 'confirmed' end
        when number % 30 = 0 then 'released'
        else 'committed'
    end as status
    from generate_series(pg_temp.first(), pg_temp.last()) as number
) as numbered
order by number;

insert into restocks (restock_uuid, decided_by) select pg_temp.id('restock', number), 'cli:bench@host' from generate_series(pg_temp.first(), pg_temp.last()) as number where number % 10 = 0;
insert into restock_items (restock_uuid, part_uuid, quantity)
select pg_temp.id('restock', number), pg_temp.id('part', number % 1000), 1 from generate_series(pg_temp.first(), pg_temp.last()) as number where number % 10 = 0;

select pg_temp.fill_inbox(array['inventory-group-order-assembled']);
