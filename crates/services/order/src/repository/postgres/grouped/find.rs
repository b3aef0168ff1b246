//! Reads orders of users.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::{OrderId, UserId};
use platform::postgres::Database;

use super::super::row::{Row, query_orders};

#[derive(Clone)]
pub struct Request {
    pub user: UserId,
    pub order: OrderId,
}

impl Request {
    /// Requests with the same key have the same answer.
    pub fn key(&self) -> (UserId, OrderId) {
        (self.user, self.order)
    }
}

/// Returns the orders of a group that exist and belong to the user of their request.
pub async fn find(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<(UserId, OrderId), Row>> {
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let rows =
        query_orders!("select " + COLUMNS + " from orders where uuid = any($1)", &orders).fetch_all(&pool).await?;
    Ok(rows.into_iter().map(|row| ((row.user_uuid, row.uuid), row)).collect())
}
