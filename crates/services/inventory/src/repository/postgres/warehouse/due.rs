//! Reads held reservations, and keeps those whose orders exist.

use contracts::ids::OrderId;
use platform::{jobs::MOVED_BACK_FOR, postgres::Database};
use uuid::Uuid;

use crate::repository::{Due, Expiry};

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

/// The maximum number of reservations that are read for the unpaid share. With more, the share is that of these alone.
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
