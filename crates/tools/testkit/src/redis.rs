//! Redis for tests.

use crate::{infrastructure::address, server::Server};

/// A server shared with other tests: use a random key prefix.
pub struct Redis {
    pub url: String,
}

pub async fn redis() -> Redis {
    Redis { url: address(Server::Redis).await }
}

/// A server with 8 MB of memory, for the test that limits it further.
pub async fn small_redis() -> Redis {
    Redis { url: address(Server::SmallRedis).await }
}
