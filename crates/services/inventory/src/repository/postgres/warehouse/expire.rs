//! Expires reservations that are due and whose orders do not exist.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::postgres::Database;
use uuid::Uuid;

use crate::repository::ABSENCE_COUNTS_FOR;

/// Of concurrent calls, only one changes a reservation: the statement locks the parts, reads again what is due, and
/// gives back the stock without a round trip in between.
pub(super) async fn expire(pool: &Database, orders: &[OrderId], read_at: DateTime<Utc>) -> sqlx::Result<u64> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
    let expired = sqlx::query_scalar!(
        r#"with given as materialized (
            select order_uuid, status, expires_at
            from reservations
            where order_uuid = any($1)
        ), due as (
            select order_uuid
            from given
            where status = 'held' and expires_at <= now() and now() <= $2::timestamptz + make_interval(secs => $3)
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid = any(array(
                select items.part_uuid
                from due
                cross join lateral (
                    select part_uuid from reservation_items where reservation_items.order_uuid = due.order_uuid offset 0
                ) as items
            ))
            order by part_uuid
            for no key update
        ), found as materialized (
            select order_uuid, status, expires_at
            from reservations
            where order_uuid = any(array(select order_uuid from due))
                and (select count(*) > 0 from locked)
            order by order_uuid
            for no key update
        ), held as (
            select order_uuid
            from found
            where status = 'held' and expires_at <= now()
        ), expired as (
            update reservations
            set status = 'expired', expires_at = null, updated_at = now()
            from held
            where reservations.order_uuid = held.order_uuid
            returning reservations.order_uuid
        ), returned as (
            select items.part_uuid, sum(items.quantity)::bigint as quantity
            from expired
            cross join lateral (
                select part_uuid, quantity from reservation_items
                where reservation_items.order_uuid = expired.order_uuid
                offset 0
            ) as items
            group by items.part_uuid
        ), stock as (
            update parts
            set available = parts.available + returned.quantity,
                reserved = parts.reserved - returned.quantity,
                updated_at = now()
            from returned
            where parts.part_uuid = returned.part_uuid
        )
        select count(*) as "count!"
        from expired"#,
        &orders,
        read_at,
        ABSENCE_COUNTS_FOR.as_secs_f64(),
    )
    .fetch_one(pool)
    .await?;
    Ok(expired.unsigned_abs())
}
