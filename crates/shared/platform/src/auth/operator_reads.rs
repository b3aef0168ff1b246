//! Records the reads of operators, each at most once a minute, since an open page repeats its reads every few seconds.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::security_events::{self, Event};

/// How long a recorded read is not recorded again.
const RECORD_INTERVAL: Duration = Duration::from_mins(1);
/// The maximum number of remembered reads. A read that is not remembered is recorded each time.
const MAX_REMEMBERED_READS: usize = 1_000;

static READS: LazyLock<OperatorReads> = LazyLock::new(OperatorReads::default);

/// An operator, a path and an object.
type Read = (Uuid, String, Option<Uuid>);

#[derive(Default)]
struct OperatorReads(Mutex<HashMap<Read, Instant>>);

/// Records that an operator uses the role to read `of` by the method with this path, at most once a minute.
pub(super) fn record(user: Uuid, path: &str, of: Option<Uuid>) {
    if READS.is_first(user, path, of) {
        security_events::record(Event::RoleUsed { user, path, of, of_name: None });
    }
}

impl OperatorReads {
    fn is_first(&self, user: Uuid, path: &str, of: Option<Uuid>) -> bool {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|_, recorded| recorded.elapsed() < RECORD_INTERVAL);
        let read = (user, path.to_owned(), of);
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
    async fn a_read_is_recorded_once_a_minute_for_each_user_path_and_object() {
        let (reads, user, object) = (OperatorReads::default(), Uuid::from_u128(1), Some(Uuid::from_u128(2)));
        let all = [(user, "/a", None), (user, "/b", None), (Uuid::nil(), "/a", None), (user, "/a", object)];
        for (user, path, of) in all {
            assert!(reads.is_first(user, path, of), "{user} {path} {of:?}");
        }

        assert!(!reads.is_first(user, "/a", None) && !reads.is_first(user, "/a", object));
        tokio::time::advance(RECORD_INTERVAL).await;
        assert!(reads.is_first(user, "/a", None) && reads.is_first(user, "/a", object));
    }
}
