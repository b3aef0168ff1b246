//! Reads orders, with one statement per group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::OrderId;
use platform::postgres::Database;

use super::row::{OrderRow, select_orders};

/// Omits unknown orders.
pub async fn find(pool: Database, orders: Arc<[OrderId]>) -> sqlx::Result<HashMap<OrderId, OrderRow>> {
    let uuids: Vec<_> = orders.iter().map(|order| order.uuid()).collect();
    let rows = select_orders!(
        "from orders
        left join couriers on couriers.order_uuid = orders.uuid
        where orders.uuid = any($1)",
        &uuids,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, row)).collect())
}
