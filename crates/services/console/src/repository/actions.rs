//! The log of operators' actions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;

/// An action that has just ended.
#[derive(Clone, Debug)]
pub struct NewAction {
    pub operator: UserId,
    pub action: &'static str,
    /// What the action was applied to: ids and topics.
    pub subject: String,
    pub result: String,
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
    async fn add(&self, action: &NewAction) -> Result<(), Error>;

    /// Returns the latest actions, the newest first.
    async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error>;
}
