//! The cache of other services' responses about an order. All replicas share it.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};

/// The kind of data that a cached response has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusKind {
    Payment,
    Delivery,
}

impl StatusKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Delivery => "delivery",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusKey {
    pub kind: StatusKind,
    pub order: OrderId,
}

/// A cached response about an order of `owner`. A larger version means a later state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedStatus {
    pub owner: UserId,
    pub version: u64,
    pub response: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Response(Vec<u8>),
    /// No valid response is cached. This caller must call the service.
    Ask,
    /// Another caller is calling the service. This caller must wait for the response.
    Wait,
}

#[async_trait]
pub trait StatusCache: Send + Sync {
    /// Looks up a response for `owner` of version `least_version` or later. If there is none, the first caller must
    /// call the service, and other callers wait for at most `max_wait`.
    async fn find(
        &self,
        key: StatusKey,
        owner: UserId,
        least_version: u64,
        max_wait: Duration,
    ) -> anyhow::Result<Lookup>;
    /// Caches a response for the duration `ttl`, unless a later version is cached, and removes the mark that a caller
    /// is calling the service.
    async fn store(&self, key: StatusKey, cached: &CachedStatus, ttl: Duration) -> anyhow::Result<()>;
    /// Removes the mark that a caller is calling the service, because it got no response to cache.
    async fn give_up(&self, key: StatusKey) -> anyhow::Result<()>;
}
