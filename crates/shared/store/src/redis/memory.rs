//! The used share of a Redis server's memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use redis::RedisResult;

use super::{Connection, is_refusal};

/// Above this share of the server's memory limit, a warning is logged.
const WARNING_SHARE: f64 = 0.7;

/// The used share of the server's memory limit, as last seen by [`watch`](super::watch). Clones share it.
#[derive(Clone, Default)]
pub struct Memory(Arc<AtomicU64>);

impl Memory {
    /// Returns the share, from 0 to 1; 0 if the server has no limit.
    pub fn used(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }

    /// Exports the share, and warns once when it exceeds [`WARNING_SHARE`].
    pub fn set(&self, used: f64) {
        let before = f64::from_bits(self.0.swap(used.to_bits(), Relaxed));
        metrics::gauge!("redis_memory_used_ratio").set(used);
        if used > WARNING_SHARE && before <= WARNING_SHARE {
            tracing::warn!(used, "Redis has used much of its memory limit, and refuses logins when it is full");
        }
    }
}

pub(super) struct Info {
    pub policy: String,
    pub used: f64,
}

/// Returns the state of the memory, or `None` if the user may not read it.
pub(super) async fn info(connection: &mut Connection) -> RedisResult<Option<Info>> {
    match redis::cmd("INFO").arg("memory").query_async::<String>(connection).await {
        Ok(memory) => {
            let field = |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let bytes = |name| field(name).and_then(|text| text.trim().parse::<f64>().ok());
            let (used, limit) = (bytes("used_memory"), bytes("maxmemory").filter(|limit| *limit > 0.0));
            let used = used.zip(limit).map_or(0.0, |(used, limit)| used / limit);
            Ok(field("maxmemory_policy").map(|policy| Info { policy: policy.to_owned(), used }))
        }
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
