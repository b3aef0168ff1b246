//! Attempts to send queued notifications, and their outcomes.

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
    pub attempts: i32,
}

impl Due {
    /// The number is 0 if there was no attempt.
    pub fn last_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts }
    }

    pub fn next_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts + 1 }
    }
}

/// A queued notification and the chat to which it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub chat: String,
    /// True if the messenger did not answer the previous attempt; then the next attempt is the last.
    pub ambiguous: bool,
    pub due: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub notification: NotificationId,
    /// Counts from 1; 0 means that no attempt was made.
    pub number: i32,
}

/// A notification whose attempt expired, because its replica has crashed or is frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub order: OrderId,
    pub kind: Kind,
    /// True if an earlier attempt had no answer either, so that this one was the last.
    pub is_given_up: bool,
}

impl Expired {
    /// What is stored with the notification.
    pub const PROBLEM: &str = "the attempt expired without an outcome";

    pub fn outcome(&self) -> Outcome {
        let problem = Self::PROBLEM.to_owned();
        if self.is_given_up {
            Outcome::Failed { problem, ambiguous: true }
        } else {
            Outcome::Retry { after: Duration::ZERO, problem, ambiguous: true }
        }
    }
}

/// The outcome of an attempt for a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// Deliberately not sent; stored as failed.
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
