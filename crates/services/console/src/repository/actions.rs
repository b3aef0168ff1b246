//! The log of operators' actions. The beginning and the end of an action are a row each.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;

/// The result in the row of a beginning.
pub const BEGUN: &str = "begun";

/// An action that is about to begin.
#[derive(Clone, Debug)]
pub struct NewAction {
    pub operator: UserId,
    pub action: &'static str,
    /// What the action is applied to: ids and topics.
    pub subject: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    pub at: DateTime<Utc>,
    pub operator_uuid: Uuid,
    pub action: String,
    pub subject: String,
    pub result: String,
}

#[async_trait]
pub trait Actions: Send + Sync {
    /// Adds the row of the beginning, and returns its id.
    async fn begin(&self, action: &NewAction) -> Result<i64, Error>;

    /// Adds the row of the end of the action with this id.
    async fn end(&self, begun: i64, result: &str) -> Result<(), Error>;

    /// Returns the latest rows, the newest first.
    async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error>;

    /// Returns the latest actions of an operator, the newest first.
    async fn of_operator(&self, operator: UserId, limit: i64) -> Result<Vec<Action>, Error>;
}
