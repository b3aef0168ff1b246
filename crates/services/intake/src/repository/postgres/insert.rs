//! Inserts orders into the four tables with one statement, whose parameters are arrays of column values.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::PgOrders;
use crate::model::{Delivery, Item, Order, OrderUid, Payment};

impl PgOrders {
    /// Inserts the orders whose order_uid is not stored yet, in their order, and returns their uids.
    pub(super) async fn insert_all(&self, all: &[&Order]) -> sqlx::Result<HashSet<OrderUid>> {
        let (mut orders, mut deliveries) = (OrderRows::default(), Deliveries::default());
        let (mut payments, mut items) = (Payments::default(), Items::default());
        for order in all {
            orders.order_uid.push(order.order_uid.as_str());
            // An order without `date_created` breaks a rule and is never stored.
            orders.date_created.push(order.date_created.unwrap_or_default());
            orders.push(order);
            deliveries.push(&order.delivery);
            payments.push(&order.payment);
            for (item, position) in order.items.iter().zip(1..) {
                items.order_uid.push(order.order_uid.as_str());
                items.position.push(position);
                items.push(item);
            }
        }
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

/// Defines the columns of a table. Columns of texts and numbers have the names of the row's members.
macro_rules! columns {
    ($(#[$about:meta])* $columns:ident of $row:ident { $($text:ident)+ } { $($number:ident)* } { $($own:ident: $kind:ty),* }) => {
        $(#[$about])*
        #[derive(Default)]
        pub struct $columns<'a> {
            $(pub $own: Vec<$kind>,)*
            $(pub $text: Vec<&'a str>,)+
            $(pub $number: Vec<i64>,)*
        }

        impl<'a> $columns<'a> {
            fn push(&mut self, row: &'a $row) {
                $(self.$text.push(&row.$text);)+
                $(self.$number.push(row.$number);)*
            }
        }
    };
}

columns!(
    /// Rows of `orders`.
    OrderRows of Order
    { track_number entry locale internal_signature customer_id delivery_service shardkey oof_shard }
    { sm_id }
    { order_uid: &'a str, date_created: DateTime<Utc> }
);

columns!(
    /// Rows of `deliveries`.
    Deliveries of Delivery { name phone zip city address region email } {} {}
);

columns!(
    /// Rows of `payments`.
    Payments of Payment
    { transaction request_id currency provider bank }
    { amount payment_dt delivery_cost goods_total custom_fee }
    {}
);

columns!(
    /// Rows of `items`.
    Items of Item
    { track_number rid name size brand }
    { chrt_id price sale total_price nm_id status }
    { order_uid: &'a str, position: i32 }
);
