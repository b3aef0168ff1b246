//! Reads orders, with one statement per group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::{CourierId, DeliveryId, OrderId, UserId};
use platform::postgres::Database;

use super::row::OrderRow;

/// Omits unknown orders.
pub async fn find(pool: Database, orders: Arc<[OrderId]>) -> sqlx::Result<HashMap<OrderId, OrderRow>> {
    let uuids: Vec<_> = orders.iter().map(|order| order.uuid()).collect();
    let rows = sqlx::query_as!(
        OrderRow,
        r#"select uuid as "order: OrderId", basket_uuid as "basket: OrderId", state, status, user_uuid as "user: UserId",
            delivery_uuid as "delivery: DeliveryId", tracking_number, x, y, volume, estimated_date,
            courier_uuid as "courier: CourierId", steps
        from orders where uuid = any($1)"#,
        &uuids,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, row)).collect())
}
