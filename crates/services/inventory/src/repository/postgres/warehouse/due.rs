//! Reads due reservations, and confirms those whose orders exist.

use contracts::ids::OrderId;
use platform::postgres::Database;
use uuid::Uuid;

use crate::repository::Due;

pub(super) async fn due(pool: &Database, limit: i64) -> sqlx::Result<Due> {
    let due = sqlx::query!(
        r#"select now() as "read_at!", array(
            select order_uuid
            from reservations
            where status = 'held' and expires_at <= now()
            order by expires_at
            limit $1
        ) as "orders!: Vec<OrderId>""#,
        limit,
    )
    .fetch_one(pool)
    .await?;
    Ok(Due { orders: due.orders, read_at: due.read_at })
}

pub(super) async fn confirm(pool: &Database, orders: &[OrderId]) -> sqlx::Result<u64> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
    let confirmed = sqlx::query!(
        "with locked as materialized (
            select order_uuid, status
            from reservations
            where order_uuid = any($1)
            order by order_uuid
            for no key update
        )
        update reservations
        set status = 'confirmed', expires_at = null, updated_at = now()
        from locked
        where reservations.order_uuid = locked.order_uuid and locked.status = 'held'",
        &orders,
    )
    .execute(pool)
    .await?;
    Ok(confirmed.rows_affected())
}
