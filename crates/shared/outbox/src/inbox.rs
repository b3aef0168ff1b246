//! The inbox records the events that a consumer has processed, so that a redelivered event has no effect.
//!
//! In PostgreSQL it is the table `inbox (consumer, event_uuid)`. [`apply`] inserts the row in the caller's transaction.
//! A single statement can do the same and save a round trip:
//! `with fresh as (insert into inbox … on conflict do nothing returning event_uuid) …`, with every change only
//! `where exists (select from fresh)`.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Days, Utc};
use sqlx::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Tables, pool::Pool, statements};

/// Records, in the caller's transaction, that the consumer `group` has processed `event`. Returns false if it had
/// before: then the caller changes nothing. One round trip.
///
/// A concurrent call with the same event waits for the end of the first one's transaction. Set `lock_timeout` to limit
/// this wait.
pub async fn apply(connection: &mut PgConnection, tables: &Tables, group: &str, event: Uuid) -> sqlx::Result<bool> {
    let inserted = statements::apply(&tables.inbox).query().bind(group).bind(event).execute(connection).await?;
    Ok(inserted.rows_affected() == 1)
}

/// The maximum number of rows that one call of [`sweep`] deletes.
pub const SWEEP_BATCH: u64 = 5_000;

/// Deletes up to [`SWEEP_BATCH`] rows older than `age`, at which an event must no longer be in any topic. Returns the
/// number of deleted rows.
pub async fn sweep<P: Pool>(pool: &P, tables: &Tables, age: Duration) -> sqlx::Result<u64> {
    let query = statements::sweep_inbox(&tables.inbox).query();
    pool.execute(query.bind(age.as_secs_f64()).bind(SWEEP_BATCH.cast_signed())).await
}

/// The consumer and the id of an event that it has processed.
type Handled = (&'static str, Uuid);

/// When each consumer processed each event.
type Seen = HashMap<Handled, DateTime<Utc>>;

/// When an in-memory inbox is created: 2026-01-01, in days since the epoch.
const START: Days = Days::new(20_454);

/// An in-memory inbox, for in-memory repositories. Its clock follows tokio's time, which tests may pause.
#[derive(Clone)]
pub struct MemoryInbox {
    seen: Arc<Mutex<Seen>>,
    created: Instant,
}

impl Default for MemoryInbox {
    fn default() -> Self {
        Self { seen: Arc::default(), created: Instant::now() }
    }
}

impl MemoryInbox {
    /// Records the event. Returns false if `consumer` has processed it before.
    pub fn fresh(&self, consumer: &'static str, event: Uuid) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.entry((consumer, event)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(self.now());
                true
            }
        }
    }

    /// Returns the ids of the events that `consumer` has processed.
    pub fn events(&self, consumer: &str) -> HashSet<Uuid> {
        self.received(consumer).into_keys().collect()
    }

    /// Like [`events`](Self::events), with the time of each.
    pub fn received(&self, consumer: &str) -> HashMap<Uuid, DateTime<Utc>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|((name, _), _)| *name == consumer).map(|((_, event), at)| (*event, *at)).collect()
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + START + self.created.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_event_is_fresh_once_to_each_consumer_and_has_the_time_of_its_first_delivery() {
        let inbox = MemoryInbox::default();
        let ([a, b], first) = ([1, 2].map(Uuid::from_u128), inbox.now());
        let minute = Duration::from_mins(1);

        assert!(inbox.fresh("one", a) && inbox.fresh("one", b));
        tokio::time::advance(minute).await;
        assert!(!inbox.fresh("one", a) && inbox.fresh("other", a) && !inbox.fresh("other", a));

        assert_eq!(inbox.received("one"), HashMap::from([(a, first), (b, first)]));
        assert_eq!(inbox.received("other"), HashMap::from([(a, first + minute)]));
        assert_eq!(inbox.events("other"), HashSet::from([a]));
        assert!(inbox.events("third").is_empty());
    }
}
