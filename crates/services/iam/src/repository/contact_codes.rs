//! The repository trait of contact codes: one-time codes, and counts of the wrong codes per chat.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{ChatId, CodeDigest},
};

/// The limit on wrong codes from a chat. A count expires one window after the last wrong code, so no window has more
/// wrong codes than the limit.
#[derive(Clone, Copy, Debug)]
pub struct CodeLimit {
    pub wrong: u32,
    pub window: Duration,
}

impl Default for CodeLimit {
    fn default() -> Self {
        Self { wrong: 10, window: Duration::from_hours(1) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// The code belonged to this user.
    Of(UserId),
    /// The code does not exist. It counts as a wrong code of the chat.
    Unknown,
    /// The chat has sent too many wrong codes. Codes refused for this reason are not counted.
    Limited,
}

#[async_trait]
pub trait ContactCodes: Send + Sync {
    /// Stores a code of the user for its lifetime. It replaces the user's previous code.
    async fn create(&self, user: UserId, code: &CodeDigest, lifetime: Duration) -> Result<(), Error>;
    /// Takes a code that a chat sent, and counts a wrong code, atomically. Of concurrent calls with the same code, only
    /// one gets it.
    async fn take(&self, code: &CodeDigest, chat: ChatId) -> Result<Taken, Error>;
}
