//! Operators' actions in PostgreSQL: the table `actions`.

use async_trait::async_trait;
use platform::postgres::Database;

use crate::{
    error::Error,
    repository::{Action, Actions, NewAction},
};

#[derive(Clone)]
pub struct PgActions {
    pool: Database,
}

impl PgActions {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Actions for PgActions {
    async fn add(&self, action: &NewAction) -> Result<(), Error> {
        let NewAction { operator, action, subject, result } = action;
        sqlx::query!(
            "insert into actions (operator_uuid, action, subject, result) values ($1, $2, $3, $4)",
            operator.uuid(),
            action,
            subject,
            result,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = sqlx::query_as!(
            Action,
            "select at, operator_uuid, action, subject, result from actions order by id desc limit $1",
            limit,
        );
        Ok(actions.fetch_all(&self.pool).await?)
    }
}
