//! Redis for tests.

use crate::{infrastructure::address, server::Server};

/// A Redis that other tests use, too. Use a random key prefix.
pub struct Redis {
    pub url: String,
}

pub async fn redis() -> Redis {
    Redis { url: address(Server::Redis).await }
}

/// Returns a server with 8 MB of memory, for tests that change its settings. Only one such test may run at a time.
pub async fn small_redis() -> Redis {
    Redis { url: address(Server::SmallRedis).await }
}
