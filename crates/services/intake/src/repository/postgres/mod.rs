//! The repository in PostgreSQL: [`Orders`] in the four tables, and the jobs' statements. An erased order keeps its
//! key, which identifies its records if they are consumed again.

mod insert;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use platform::postgres::{Database, retry_stale};
use sqlx::{migrate::Migrator, types::Json};

use crate::{
    error::Error,
    model::{Delivery, Item, Order, OrderUid, Payment},
    repository::{Orders, PAGE_BYTES, PAGE_ORDERS, PositionedOrder, StoredOrder},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/intake");

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

fn assembled(order: Order, delivery: Delivery, payment: Payment, items: Vec<Item>) -> Order {
    Order { delivery, payment, items, ..order }
}

/// Erases the orders that `$which` chooses, from its `where` clause on, and returns their uids.
macro_rules! erase_orders {
    ($which:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_scalar!(
            "with chosen as (
                select order_uid from orders " + $which + " for update
            ), erased as (
                update orders
                set track_number = '', entry = '', locale = '', internal_signature = '', customer_id = '',
                    delivery_service = '', shardkey = '', sm_id = 0, date_created = 'epoch', oof_shard = '',
                    erased_at = now()
                where order_uid = any(array(select order_uid from chosen))
                returning order_uid
            ), delivery as (
                delete from deliveries where order_uid = any(array(select order_uid from erased))
            ), payment as (
                delete from payments where order_uid = any(array(select order_uid from erased))
            ), item as (
                delete from items where order_uid = any(array(select order_uid from erased))
            )
            select order_uid from erased",
            $($argument),+
        )
    };
}

#[async_trait]
impl Orders for PgOrders {
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error> {
        Ok(self.insert_all(orders).await?)
    }

    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error> {
        let uids: Vec<&str> = uids.iter().map(|uid| uid.as_str()).collect();
        let rows = retry_stale(|| {
            // The size of the read includes items, since they make an order large.
            sqlx::query!(
                r#"select order_uid as "order_uid!", "order" as "order!: Json<Order>", delivery as "delivery: Json<Delivery>",
                    payment as "payment: Json<Payment>", items as "items: Json<Vec<Item>>"
                from (
                    select o.order_uid, row_to_json(o) as "order", row_to_json(d) as delivery, row_to_json(p) as payment,
                        i.all as items, coalesce(sum(octet_length(i.all::text)) over (
                            order by o.order_uid rows between unbounded preceding and 1 preceding
                        ), 0) as before
                    from orders o left join deliveries d using (order_uid) left join payments p using (order_uid),
                        lateral (select json_agg(items order by position) as all from items where order_uid = o.order_uid) i
                    where o.order_uid = any($1)
                ) kept
                where before <= $2"#,
                &uids as &[&str],
                PAGE_BYTES,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let stored = rows.into_iter().map(|row| {
            let stored = match (row.delivery, row.payment, row.items) {
                (Some(delivery), Some(payment), Some(items)) => {
                    StoredOrder::Order(Box::new(assembled(row.order.0, delivery.0, payment.0, items.0)))
                }
                _ => StoredOrder::Erased,
            };
            (OrderUid::stored(&row.order_uid), stored)
        });
        Ok(stored.collect())
    }

    async fn latest(&self, before: Option<i64>, limit: i64) -> Result<Vec<PositionedOrder>, Error> {
        let rows = retry_stale(|| {
            sqlx::query!(
                r#"select number as "number!", "order" as "order!: Json<Order>", delivery as "delivery!: Json<Delivery>",
                    payment as "payment!: Json<Payment>", items as "items!: Json<Vec<Item>>"
                from (
                    select o.number, row_to_json(o) as "order", row_to_json(d) as delivery, row_to_json(p) as payment,
                        i.all as items, coalesce(sum(octet_length(i.all::text)) over (
                            order by o.number desc rows between unbounded preceding and 1 preceding
                        ), 0) as before
                    from (select * from orders where erased_at is null and number < $1 order by number desc limit $2) o
                        cross join lateral (select * from deliveries where order_uid = o.order_uid offset 0) d
                        cross join lateral (select * from payments where order_uid = o.order_uid offset 0) p
                        cross join lateral (
                            select json_agg(items order by position) as all from items where order_uid = o.order_uid
                        ) i
                    where i.all is not null
                ) page
                where before <= $3
                order by number desc"#,
                before.unwrap_or(i64::MAX),
                limit.min(PAGE_ORDERS),
                PAGE_BYTES,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let stored = rows
            .into_iter()
            .map(|row| (row.number, assembled(row.order.0, row.delivery.0, row.payment.0, row.items.0)));
        Ok(stored.collect())
    }

    async fn of_customer(&self, customer_id: &str, after: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let uids = sqlx::query_scalar!(
            // Materialized: otherwise a plan may read all orders by order_uid to find a customer's few.
            "with own as materialized (
                select order_uid from orders
                where hashtext(customer_id) = (select hashtext($1)) and customer_id = $1 and erased_at is null
            )
            select order_uid from own where order_uid > $2 order by order_uid limit $3",
            customer_id,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(uids.iter().map(|uid| OrderUid::stored(uid)).collect())
    }

    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        // With `= hashtext($1)`, a plan made for an empty table would read another index completely.
        let erased = erase_orders!(
            "where hashtext(customer_id) = (select hashtext($1)) and customer_id = $1 and erased_at is null
            limit $2",
            customer_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(erased.iter().map(|uid| OrderUid::stored(uid)).collect())
    }

    async fn erased_within(&self, period: Duration, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let uids = sqlx::query_scalar!(
            "select order_uid from orders where erased_at > now() - make_interval(secs => $1) limit $2",
            period.as_secs_f64(),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(uids.iter().map(|uid| OrderUid::stored(uid)).collect())
    }
}

/// Rows that one statement erases, or removes.
pub const ERASE_BATCH: u64 = 500;
pub const TOMBSTONE_BATCH: u64 = 1_000;

/// Erases a batch of orders that were stored longer ago than `age`. Returns their number.
pub async fn erase_older(pool: &Database, age: Duration) -> Result<u64, Error> {
    let erased = erase_orders!(
        "where erased_at is null and stored_at < now() - make_interval(secs => $1)
        order by stored_at limit $2",
        age.as_secs_f64(),
        ERASE_BATCH.cast_signed(),
    )
    .fetch_all(pool)
    .await?;
    Ok(u64::try_from(erased.len()).unwrap_or(u64::MAX))
}

/// Deletes a batch of tombstones of orders that were erased longer ago than `age`. Returns their number.
pub async fn remove_tombstones(pool: &Database, age: Duration) -> Result<u64, Error> {
    let removed = sqlx::query!(
        "delete from orders where order_uid = any(array(
            select order_uid from orders
            where erased_at < now() - make_interval(secs => $1)
            order by erased_at limit $2))",
        age.as_secs_f64(),
        TOMBSTONE_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(removed.rows_affected())
}
