//! The inbox records the events that a consumer has processed, so that a redelivered event has no effect.
//!
//! In PostgreSQL it is the table `inbox (consumer, event_uuid)`. The statement that makes the change also inserts the
//! row, `with fresh as (insert into inbox … on conflict do nothing returning event_uuid) …`, and makes every change
//! only `where exists (select from fresh)`.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    clock::Virtual,
    postgres::{Database, GroupCommit},
};

/// The time at which each consumer processed each event.
type Seen = HashMap<Handled, DateTime<Utc>>;

/// An in-memory inbox, for in-memory repositories.
#[derive(Clone, Default)]
pub struct MemoryInbox {
    seen: Arc<Mutex<Seen>>,
    clock: Virtual,
}

impl MemoryInbox {
    /// Records the event. Returns false if `consumer` has processed it before.
    pub fn fresh(&self, consumer: &'static str, event: Uuid) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.entry((consumer, event)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(self.clock.now());
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
}

/// The consumer and the id of an event that it has processed.
type Handled = (&'static str, Uuid);

/// Records events that a consumer processes without a change, concurrent ones in one statement.
#[derive(Clone)]
pub struct SkippedEvents(GroupCommit<Handled, ()>);

impl SkippedEvents {
    pub fn new(database: Database) -> Self {
        Self(GroupCommit::without_results("skip_events", database, insert))
    }

    /// Records that `consumer` has processed an event without a change. Idempotent.
    pub async fn skip(&self, consumer: &'static str, event: Uuid) -> sqlx::Result<()> {
        self.0.submit((consumer, event)).await
    }
}

async fn insert(database: Database, events: Arc<[Handled]>) -> sqlx::Result<()> {
    let (consumers, uuids): (Vec<&str>, Vec<Uuid>) = events.iter().copied().unzip();
    sqlx::query!(
        "insert into inbox (consumer, event_uuid)
        select consumer, event_uuid
        from unnest($1::text[], $2::uuid[]) as skipped (consumer, event_uuid)
        order by consumer, event_uuid
        on conflict do nothing",
        &consumers as _,
        &uuids,
    )
    .execute(&database)
    .await?;
    Ok(())
}

/// The maximum number of rows that one statement deletes.
pub const SWEEP_BATCH: u64 = 5_000;

/// Deletes a bounded batch of rows older than `age`, at which an event is no longer in any topic. Returns the number of
/// deleted rows.
pub async fn sweep(pool: &Database, age: Duration) -> anyhow::Result<u64> {
    let swept = sqlx::query!(
        "delete from inbox where ctid = any(array(
            select ctid from inbox where received_at < now() - make_interval(secs => $1) order by received_at limit $2))",
        age.as_secs_f64(),
        SWEEP_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(swept.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_event_is_fresh_once_to_each_consumer_and_has_the_time_of_its_first_delivery() {
        let inbox = MemoryInbox::default();
        let ([a, b], first) = ([1, 2].map(Uuid::from_u128), inbox.clock.now());
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
