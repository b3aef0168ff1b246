//! The log of operators' actions, the table `actions`. An action has one row for its start and one for its end.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::postgres::Database;
use uuid::Uuid;

use crate::error::Error;

/// The result in the row that records the start of an action.
const BEGUN: &str = "begun";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub at: DateTime<Utc>,
    pub operator_uuid: Uuid,
    pub action: String,
    pub subject: String,
    pub result: String,
}

#[derive(Clone)]
pub struct PgActions {
    pool: Database,
}

impl PgActions {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    /// Adds the row of an action's start, and returns its id. `subject` is what the action is applied to: ids and
    /// topics.
    pub async fn begin(&self, operator: UserId, action: &str, subject: &str) -> Result<i64, Error> {
        let id = sqlx::query_scalar!(
            "insert into actions (operator_uuid, action, subject, result) values ($1, $2, $3, $4) returning id",
            operator.uuid(),
            action,
            subject,
            BEGUN,
        );
        Ok(id.fetch_one(&self.pool).await?)
    }

    /// Adds the row of the end of an action. Returns false if the operator has begun no action with this id.
    pub async fn end(&self, operator: UserId, begun: i64, result: &str) -> Result<bool, Error> {
        let end = sqlx::query!(
            "insert into actions (operator_uuid, action, subject, result, begun)
            select operator_uuid, action, subject, $3, id
            from actions where id = $2 and operator_uuid = $1 and begun is null",
            operator.uuid(),
            begun,
            result,
        );
        Ok(end.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Returns the latest rows, the newest first.
    pub async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = sqlx::query_as!(
            Action,
            "select at, operator_uuid, action, subject, result from actions order by id desc limit $1",
            limit,
        );
        Ok(actions.fetch_all(&self.pool).await?)
    }

    /// Returns the latest rows of an operator, the newest first.
    pub async fn of_operator(&self, operator: UserId, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = sqlx::query_as!(
            Action,
            "select at, operator_uuid, action, subject, result from actions where operator_uuid = $1 order by id desc limit $2",
            operator.uuid(),
            limit,
        );
        Ok(actions.fetch_all(&self.pool).await?)
    }
}
