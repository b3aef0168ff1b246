//! Redis for tests.

use crate::{infrastructure::address, server::Server};

/// A real server, shared with other tests: give your keys a random prefix.
pub struct Redis {
    pub url: String,
}

pub async fn redis() -> Redis {
    Redis { url: address(Server::Redis).await }
}
