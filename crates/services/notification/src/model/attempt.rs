//! Attempts to send a chat's queued notifications, and their outcomes.

use std::{collections::HashMap, time::Duration};

use contracts::ids::{OrderId, UserId};
use serde_json::Value;

use super::{Kind, NotificationId};

/// A queued notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub id: NotificationId,
    pub order: OrderId,
    pub user: UserId,
    pub kind: Kind,
    pub facts: Value,
    pub trace: HashMap<String, String>,
    /// Attempts so far.
    pub attempts: i32,
}

impl Due {
    /// The attempt that was made last; number 0 before the first.
    pub fn last_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts }
    }

    /// The next attempt.
    pub fn next_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts + 1 }
    }
}

/// The queued notifications of one chat, oldest first. As many as fit into one message are sent together, as a digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub chat: String,
    /// True for notifications whose previous attempt ended without an answer; this attempt is their last. A batch never mixes
    /// the two kinds.
    pub ambiguous: bool,
    pub waiting: Vec<Due>,
}

/// One attempt to send one notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub notification: NotificationId,
    /// Counts from 1; 0 stands for the state before the first attempt.
    pub number: i32,
}

/// What becomes of a notification after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// Deliberately not sent. Stored as failed.
    Skipped {
        problem: String,
    },
    Failed {
        problem: String,
        ambiguous: bool,
    },
    Retry {
        after: Duration,
        problem: String,
        ambiguous: bool,
    },
}
