//! Decides due reservations: reads them, keeps those whose orders exist, and expires the others.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::{jobs::MOVED_BACK_FOR, postgres::Database};
use uuid::Uuid;

use crate::{
    model::Expiry,
    repository::{ABSENCE_COUNTS_FOR, Due},
};

pub(super) async fn due(pool: &Database, limit: i64) -> sqlx::Result<Due> {
    let due = sqlx::query!(
        r#"select now() as "read_at!", array(
            select order_uuid
            from reservations
            where status = 'held' and greatest(expires_at, next_try_at) <= now()
            order by greatest(expires_at, next_try_at)
            limit $1
        ) as "orders!: Vec<OrderId>""#,
        limit,
    )
    .fetch_one(pool)
    .await?;
    Ok(Due { orders: due.orders, read_at: due.read_at })
}

pub(super) async fn move_back(pool: &Database, order: OrderId) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set next_try_at = now() + make_interval(secs => $2) where order_uuid = $1 and status = 'held'",
        order.uuid(),
        MOVED_BACK_FOR.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn keep(pool: &Database, orders: &[OrderId], expiry: Expiry) -> sqlx::Result<u64> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
    let kept = sqlx::query!(
        "with locked as materialized (
            select order_uuid, status
            from reservations
            where order_uuid = any($1)
            order by order_uuid
            for no key update
        )
        update reservations
        set status = case when $2::float8 is null then 'confirmed' else 'held' end,
            expires_at = now() + make_interval(secs => $2),
            updated_at = now()
        from locked
        where reservations.order_uuid = locked.order_uuid and locked.status = 'held'",
        &orders,
        expiry.seconds(),
    )
    .execute(pool)
    .await?;
    Ok(kept.rows_affected())
}

/// The maximum number of reservations that are read for the unpaid share. If there are more, the share covers only
/// these.
const MAX_COUNTED: i64 = 10_000;

pub(super) async fn unpaid_share(pool: &Database) -> sqlx::Result<f64> {
    sqlx::query_scalar!(
        r#"select coalesce(max(held.quantity / nullif(parts.available + parts.reserved, 0)::float8), 0) as "share!"
        from (
            select line.part_uuid, sum(line.quantity)::float8 as quantity
            from (
                select part_uuids, quantities from reservations where status = 'held'
                order by greatest(expires_at, next_try_at) limit $1
            ) as reserved
            cross join lateral unnest(part_uuids, quantities) as line (part_uuid, quantity)
            group by line.part_uuid
        ) as held
        join parts on parts.part_uuid = held.part_uuid"#,
        MAX_COUNTED,
    )
    .fetch_one(pool)
    .await
}

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
