//! Remembers which reads of operators were recorded in the last minute, since an open page repeats its read every few seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

/// The time after a recorded read in which further reads of the same path are not recorded.
const RECORD_INTERVAL: Duration = Duration::from_mins(1);
/// The maximum number of reads that are remembered. A read that does not fit is recorded each time.
const MAX_REMEMBERED_READS: usize = 1_000;

/// The time at which each operator's read of each path was last recorded. Clones share the map.
#[derive(Clone, Default)]
pub(super) struct OperatorReads(Arc<Mutex<HashMap<(Uuid, String), Instant>>>);

impl OperatorReads {
    /// Returns whether the read is to be recorded.
    pub fn is_first(&self, user: Uuid, path: &str) -> bool {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|_, recorded| recorded.elapsed() < RECORD_INTERVAL);
        let read = (user, path.to_owned());
        let is_first = !reads.contains_key(&read);
        if is_first && reads.len() < MAX_REMEMBERED_READS {
            reads.insert(read, Instant::now());
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_is_recorded_once_a_minute_for_each_user_and_path() {
        let (reads, user) = (OperatorReads::default(), Uuid::from_u128(1));
        assert!(reads.is_first(user, "/a") && reads.is_first(user, "/b") && reads.is_first(Uuid::nil(), "/a"));

        assert!(!reads.is_first(user, "/a"));
        tokio::time::advance(RECORD_INTERVAL).await;
        assert!(reads.is_first(user, "/a"));
    }
}
