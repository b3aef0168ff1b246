//! Reads the orders that wait for a courier or are carried, longest wait first.
//!
//! There is a statement for one user and one for all users: the generic plan of a common one would read the orders of all users for one.

use contracts::ids::{OrderId, UserId};
use platform::postgres::{Database, DatabaseError};

use crate::{model::Location, repository::ActiveOrder};

/// The columns of an active order.
pub struct Row {
    order: OrderId,
    user: Option<UserId>,
    x: i16,
    y: i16,
}

impl Row {
    pub fn read(self) -> Result<ActiveOrder, DatabaseError> {
        let location = Location::new(self.x.into(), self.y.into());
        let location = location.map_err(|_| DatabaseError::inconsistent("orders", "x", self.order))?;
        Ok(ActiveOrder { order: self.order, user: self.user, location })
    }
}

pub async fn of_user(pool: &Database, user: UserId, limit: i64) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select uuid as "order: OrderId", user_uuid as "user: UserId", x as "x!", y as "y!"
        from orders
        where user_uuid = $1 and state in ('CREATED', 'ASSIGNED')
        order by waiting_since, uuid limit $2"#,
        user.uuid(),
        limit,
    );
    rows.fetch_all(pool).await
}

pub async fn of_all_users(pool: &Database, limit: i64) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select coalesce(basket_uuid, uuid) as "order!: OrderId", user_uuid as "user: UserId", x as "x!", y as "y!"
        from orders
        where state in ('CREATED', 'ASSIGNED')
        order by waiting_since, uuid limit $1"#,
        limit,
    );
    rows.fetch_all(pool).await
}
