//! In-memory implementations of the repositories that are otherwise in Redis, for a system that runs in one process
//! without Redis.

mod contact_codes;
mod login_attempts;
mod sessions;

use std::{collections::HashMap, hash::Hash, time::Duration};

pub use contact_codes::MemoryContactCodes;
pub use login_attempts::MemoryLoginAttempts;
pub use sessions::MemorySessions;
use tokio::time::Instant;

/// A map whose entries expire. Its size is at most twice the number of entries that have not expired, or 1024 if that
/// is more.
pub struct Expiring<K, V> {
    entries: HashMap<K, (V, Instant)>,
    /// At this number of entries, the next insertion removes expired ones.
    sweep_at: usize,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), sweep_at: 1024 }
    }
}

impl<K: Eq + Hash, V> Expiring<K, V> {
    pub fn insert(&mut self, key: K, value: V, lifetime: Duration) {
        if self.entries.len() >= self.sweep_at {
            let now = Instant::now();
            self.entries.retain(|_, (_, end)| *end > now);
            self.sweep_at = (self.entries.len() * 2).max(1024);
        }
        self.entries.insert(key, (value, Instant::now() + lifetime));
    }

    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).filter(|(_, end)| *end > Instant::now()).map(|(value, _)| value)
    }

    pub fn time_left(&self, key: &K) -> Duration {
        self.entries.get(key).map(|(_, end)| end.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    pub fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }
}
