//! A notification to a user about an order.

use std::fmt;

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::Kind;

/// This service generates the id when it queues the notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct NotificationId(Uuid);

impl NotificationId {
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// ```text
/// Queued ──accepted by the messenger──▶ Sent
///    └──rejected, without a response twice, or skipped──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Queued,
    Sent,
    Failed,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sent, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewNotification {
    pub id: NotificationId,
    pub order: OrderId,
    pub user: UserId,
    pub kind: Kind,
    /// The variables of the template.
    pub facts: Value,
}

/// A notification as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub order: OrderId,
    pub user: UserId,
    pub kind: Kind,
    pub status: Status,
    /// The number of attempts, including one in progress.
    pub attempts: i32,
    /// True once an attempt ended without a response; the message may arrive twice.
    pub ambiguous: bool,
    /// True if two messages may have arrived: then there is no third. False if the last attempt was rejected.
    pub may_have_arrived_twice: bool,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}
