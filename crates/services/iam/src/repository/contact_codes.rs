//! The contract of the contact codes' repository: one-time codes, and counts of the wrong ones per chat.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{ChatId, CodeDigest},
};

/// How many wrong codes a chat may give. A count expires one window after the last wrong code, so no window has more.
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

/// What a code that a chat gave leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// The code belonged to this user, and would have been valid for this time.
    Of { user: UserId, left: Duration },
    /// There is no such code. It counts against the chat.
    Unknown,
    /// The chat has given too many wrong codes. Refused ones do not count.
    Limited,
}

#[async_trait]
pub trait ContactCodes: Send + Sync {
    /// Stores a code of the user for its lifetime, in the place of the one before.
    async fn create(&self, user: UserId, code: &CodeDigest, lifetime: Duration) -> Result<(), Error>;
    /// Takes a code that a chat gave, in one atomic step with the count: of parallel calls, one gets it.
    async fn take(&self, code: &CodeDigest, chat: ChatId) -> Result<Taken, Error>;
    /// Puts back a code that was taken for nothing, unless the user has a newer one.
    async fn put_back(&self, user: UserId, code: &CodeDigest, left: Duration) -> Result<(), Error>;
}
