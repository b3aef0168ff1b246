//! Inserts orders into the four tables with one statement.

use std::collections::HashSet;

use super::{
    PgOrders,
    columns::{Deliveries, Items, OrderRows, Payments},
};
use crate::model::{Order, OrderUid};

impl PgOrders {
    /// Inserts the orders whose order_uid is not stored yet, in their order, and returns their uids.
    pub(super) async fn insert_all(&self, orders: &[&Order]) -> sqlx::Result<HashSet<OrderUid>> {
        let (deliveries, payments): (Deliveries, Payments) =
            orders.iter().map(|order| (&order.delivery, &order.payment)).collect();
        let items: Items =
            orders.iter().flat_map(|order| order.items.iter().zip(1..).map(move |item| (*order, item))).collect();
        let orders: OrderRows = orders.iter().copied().collect();
        let new = sqlx::query_scalar!(
            "with new as (
                insert into orders (order_uid, track_number, entry, locale, internal_signature, customer_id, delivery_service,
                    shardkey, sm_id, date_created, oof_shard)
                select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::bigint[], $10::timestamptz[], $11::text[])
                on conflict (order_uid) do nothing
                returning order_uid
            ), delivery as (
                insert into deliveries (order_uid, name, phone, zip, city, address, region, email)
                select given.* from unnest($1::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
                    as given (order_uid, name, phone, zip, city, address, region, email)
                where given.order_uid in (select order_uid from new)
            ), payment as (
                insert into payments (order_uid, transaction, request_id, currency, provider, amount, payment_dt, bank, delivery_cost, goods_total,
                    custom_fee)
                select given.* from unnest($1::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::bigint[], $24::bigint[], $25::text[],
                    $26::bigint[], $27::bigint[], $28::bigint[])
                    as given (order_uid, transaction, request_id, currency, provider, amount, payment_dt, bank, delivery_cost, goods_total,
                    custom_fee)
                where given.order_uid in (select order_uid from new)
            ), item as (
                insert into items (order_uid, position, chrt_id, track_number, price, rid, name, sale, size, total_price, nm_id, brand, status)
                select given.* from unnest($29::text[], $30::integer[], $31::bigint[], $32::text[], $33::bigint[], $34::text[], $35::text[],
                    $36::bigint[], $37::text[], $38::bigint[], $39::bigint[], $40::text[], $41::bigint[])
                    as given (order_uid, position, chrt_id, track_number, price, rid, name, sale, size, total_price, nm_id, brand, status)
                where given.order_uid in (select order_uid from new)
            )
            select order_uid from new",
            &orders.order_uid as &[&str],
            &orders.track_number as &[&str],
            &orders.entry as &[&str],
            &orders.locale as &[&str],
            &orders.internal_signature as &[&str],
            &orders.customer_id as &[&str],
            &orders.delivery_service as &[&str],
            &orders.shardkey as &[&str],
            &orders.sm_id,
            &orders.date_created,
            &orders.oof_shard as &[&str],
            &deliveries.name as &[&str],
            &deliveries.phone as &[&str],
            &deliveries.zip as &[&str],
            &deliveries.city as &[&str],
            &deliveries.address as &[&str],
            &deliveries.region as &[&str],
            &deliveries.email as &[&str],
            &payments.transaction as &[&str],
            &payments.request_id as &[&str],
            &payments.currency as &[&str],
            &payments.provider as &[&str],
            &payments.amount,
            &payments.payment_dt,
            &payments.bank as &[&str],
            &payments.delivery_cost,
            &payments.goods_total,
            &payments.custom_fee,
            &items.order_uid as &[&str],
            &items.position,
            &items.chrt_id,
            &items.track_number as &[&str],
            &items.price,
            &items.rid as &[&str],
            &items.name as &[&str],
            &items.sale,
            &items.size as &[&str],
            &items.total_price,
            &items.nm_id,
            &items.brand as &[&str],
            &items.status,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(new.iter().map(|uid| OrderUid::stored(uid)).collect())
    }
}
