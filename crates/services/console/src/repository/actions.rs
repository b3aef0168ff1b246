//! The log of operators' actions. The beginning and the end of an action are a row each.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use serde::Serialize;
use uuid::Uuid;

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
