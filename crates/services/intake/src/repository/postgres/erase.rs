//! Erases orders except for their keys, which identify records of erased orders that are consumed again.

use std::time::Duration;

use platform::postgres::Database;

use super::PgOrders;
use crate::{error::Error, model::OrderUid};

/// Rows that one statement erases, or removes.
pub const ERASE_BATCH: u64 = 500;
pub const TOMBSTONE_BATCH: u64 = 1_000;

impl PgOrders {
    pub(super) async fn erase_of(&self, customer_id: &str, limit: i64) -> sqlx::Result<Vec<OrderUid>> {
        // With `= hashtext($1)`, a plan made for an empty table would read another index completely.
        let erased = sqlx::query_scalar!(
            "with chosen as (
                select order_uid from orders
                where hashtext(customer_id) = (select hashtext($1)) and customer_id = $1 and erased_at is null
                limit $2 for update
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
            customer_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(erased.iter().map(|uid| OrderUid::stored(uid)).collect())
    }
}

/// Erases a batch of orders that were stored longer ago than `age`. Returns their number.
pub async fn erase_older(pool: &Database, age: Duration) -> Result<u64, Error> {
    let erased = sqlx::query_scalar!(
        "with chosen as (
            select order_uid from orders
            where erased_at is null and stored_at < now() - make_interval(secs => $1)
            order by stored_at limit $2 for update
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
