insert into orders (order_uid, track_number, entry, locale, internal_signature, customer_id, delivery_service, shardkey, sm_id, date_created,
    oof_shard, stored_at, erased_at)
select md5('order' || number), 'TRACK' || number, 'WBIL', 'en', '', 'customer ' || number / 10, 'meest', '9', 99,
    pg_temp.at(number), '1', pg_temp.at(number), case when pg_temp.is_open(number) then pg_temp.at(number) end
from generate_series(pg_temp.first(), pg_temp.last()) as number
order by number;

insert into deliveries (order_uid, name, phone, zip, city, address, region, email)
select order_uid, 'Ann', '+100000', '1000', 'Port', 'Harbour Street 1', 'North', 'ann@example.com' from orders where erased_at is null
on conflict do nothing;
insert into payments (order_uid, transaction, request_id, currency, provider, amount, payment_dt, bank, delivery_cost, goods_total, custom_fee)
select order_uid, order_uid, '', 'USD', 'pay', 100, 1, 'bank', 1, 99, 0 from orders where erased_at is null
on conflict do nothing;
insert into items (order_uid, position, chrt_id, track_number, price, rid, name, sale, size, total_price, nm_id, brand, status)
select order_uid, 1, 1, track_number, 100, 'rid', 'thing', 0, '0', 100, 1, 'brand', 202 from orders where erased_at is null
on conflict do nothing;
