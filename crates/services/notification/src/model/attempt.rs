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
    /// The number of attempts so far.
    pub attempts: i32,
}

impl Due {
    /// Returns the last attempt; its number is 0 if there was none.
    pub fn last_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts }
    }

    /// Returns the next attempt.
    pub fn next_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts + 1 }
    }
}

/// The queued notifications of one chat, oldest first. As many as fit into one message are sent together, as a digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub chat: String,
    /// True if the previous attempt of each notification ended without an answer; then this attempt is the last. A batch never mixes such
    /// notifications with others.
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

/// The outcome of an attempt for a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// The notification is deliberately not sent. It is stored as failed.
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
