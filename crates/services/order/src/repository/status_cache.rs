//! The cache of the answers of other services about an order, shared by all replicas.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};

/// What was asked about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    Payment,
    Delivery,
}

impl Question {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Delivery => "delivery",
        }
    }
}

/// The key of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusKey {
    pub question: Question,
    pub order: OrderId,
}

/// An answer about an order of `owner`. A larger version is a later state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub owner: UserId,
    pub version: u64,
    pub answer: Vec<u8>,
}

/// The result of a lookup in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Answer(Vec<u8>),
    /// No answer is cached: this caller has to call the service.
    Ask,
    /// Another caller is calling the service: wait for its answer.
    Wait,
}

#[async_trait]
pub trait StatusCache: Send + Sync {
    /// Looks up the answer for `owner`, of `least_version` or later. If there is none, the first caller has to ask and all later callers
    /// wait, for at most `asking`.
    async fn find(&self, key: StatusKey, owner: UserId, least_version: u64, asking: Duration)
    -> anyhow::Result<Lookup>;
    /// Keeps an answer for `life`, unless that of a later version is kept, and removes the mark of the caller who asked.
    async fn keep(&self, key: StatusKey, kept: &Kept, life: Duration) -> anyhow::Result<()>;
    /// Removes the mark of a caller who asked and has nothing to keep.
    async fn give_up(&self, key: StatusKey) -> anyhow::Result<()>;
}
