//! The contract of an outbox, checked with the implementations in PostgreSQL and in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use outbox::{Event, MemoryOutbox, Outbox, PgOutbox};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, tables};

const KNOWN: &str = "events.v1.OrderPaid";
const UNHEARD: &str = "events.v1.Unheard";
const TTL: Duration = Duration::from_secs(30);

struct Replicas {
    one: Arc<dyn Outbox>,
    other: Arc<dyn Outbox>,
    rows: Rows,
}

enum Rows {
    Table(PgPool),
    Memory(MemoryOutbox),
}

impl Replicas {
    async fn in_postgres() -> Self {
        let pool = Fixture::new().await.pool;
        let replica = |holder: &str| Arc::new(PgOutbox::new(pool.clone(), &tables(), holder));
        Self { one: replica("one"), other: replica("other"), rows: Rows::Table(pool.clone()) }
    }

    fn in_memory() -> Self {
        let outbox = MemoryOutbox::default();
        Self { one: Arc::new(outbox.clone()), other: Arc::new(outbox.rival("other")), rows: Rows::Memory(outbox) }
    }

    /// Writes an event with the payload `name`.
    async fn write(&self, key: u128, kind: &'static str, name: &str) {
        let event = Event::new(kind, Uuid::from_u128(key), name);
        match &self.rows {
            Rows::Memory(outbox) => outbox.insert(event),
            Rows::Table(pool) => {
                outbox::write(&mut pool.acquire().await.unwrap(), &tables(), &event).await.unwrap();
            }
        }
    }

    async fn epoch(&self) -> i64 {
        self.one.lease(TTL).await.unwrap().unwrap()
    }

    /// Returns the names of the unpublished events that are not set aside. A `<` marks an event that follows a
    /// set-aside event of its key.
    async fn waiting(&self) -> Vec<String> {
        let rows = self.one.unpublished(100, &[]).await.unwrap();
        let name = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
        rows.iter().map(|row| name(&row.payload) + if row.is_behind { "<" } else { "" }).collect()
    }

    /// Returns the ids of unpublished events that are not set aside, by name.
    async fn ids(&self) -> HashMap<String, i64> {
        let rows = self.one.unpublished(100, &[]).await.unwrap();
        rows.iter().map(|row| (String::from_utf8_lossy(&row.payload).into_owned(), row.id)).collect()
    }
}

async fn rows_wait_in_their_order_until_they_are_marked(replicas: Replicas) {
    for (key, name) in [(1, "a"), (2, "b"), (1, "c")] {
        replicas.write(key, KNOWN, name).await;
    }
    let epoch = replicas.epoch().await;
    assert_eq!(replicas.waiting().await, ["a", "b", "c"]);
    assert_eq!(replicas.one.unpublished(2, &[]).await.unwrap().len(), 2);
    let besides = [replicas.ids().await["a"], replicas.ids().await["c"]];
    let rest: Vec<i64> = replicas.one.unpublished(2, &besides).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(rest, [replicas.ids().await["b"]]);

    replicas.one.mark(epoch, &[replicas.ids().await["a"]]).await.unwrap();

    assert_eq!(replicas.waiting().await, ["b", "c"]);
    let backlog = replicas.one.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.set_aside), (2, 0));
}

async fn one_replica_has_the_lease_until_it_gives_it_back(replicas: Replicas) {
    let epoch = replicas.epoch().await;
    assert_eq!(replicas.other.lease(TTL).await.unwrap(), None);

    replicas.other.release(epoch).await.unwrap();
    assert_eq!(replicas.other.lease(TTL).await.unwrap(), None, "it was not its to give");
    replicas.one.release(epoch).await.unwrap();

    assert_eq!(replicas.other.lease(TTL).await.unwrap(), Some(epoch + 1));
    replicas.one.release(epoch).await.unwrap();
    assert_eq!(replicas.one.lease(TTL).await.unwrap(), None);
}

async fn an_epoch_that_is_over_changes_nothing(replicas: Replicas) {
    replicas.write(1, KNOWN, "a").await;
    let old = replicas.epoch().await;
    replicas.one.release(old).await.unwrap();
    let new = replicas.other.lease(TTL).await.unwrap().unwrap();
    let ids = [replicas.ids().await["a"]];

    replicas.one.mark(old, &ids).await.unwrap();
    replicas.one.set_aside(old, &ids).await.unwrap();
    assert_eq!(replicas.waiting().await, ["a"]);
    replicas.other.set_aside(new, &ids).await.unwrap();
    replicas.one.take_back(old, &[KNOWN], 1_000).await.unwrap();
    assert_eq!(replicas.waiting().await, [""; 0]);

    replicas.other.take_back(new, &[KNOWN], 1_000).await.unwrap();
    assert_eq!(replicas.waiting().await, ["a"]);
}

async fn what_is_set_aside_holds_back_its_key_alone(replicas: Replicas) {
    for (key, kind, name) in [(1, KNOWN, "a"), (1, UNHEARD, "b"), (2, KNOWN, "c"), (1, KNOWN, "d")] {
        replicas.write(key, kind, name).await;
    }
    let (epoch, ids) = (replicas.epoch().await, replicas.ids().await);

    replicas.one.set_aside(epoch, &[ids["b"]]).await.unwrap();

    assert_eq!(replicas.waiting().await, ["a", "c", "d<"]);
    replicas.one.set_aside(epoch, &[ids["d"]]).await.unwrap();
    assert_eq!(replicas.waiting().await, ["a", "c"]);
    let backlog = replicas.one.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.set_aside), (4, 2));
}

async fn what_is_set_aside_after_a_look_at_none_holds_back_its_key_too(replicas: Replicas) {
    for (key, kind, name) in [(1, UNHEARD, "a"), (1, KNOWN, "b"), (2, UNHEARD, "c"), (2, KNOWN, "d")] {
        replicas.write(key, kind, name).await;
    }
    let (epoch, ids) = (replicas.epoch().await, replicas.ids().await);
    replicas.one.take_back(epoch, &[KNOWN], 1_000).await.unwrap();

    replicas.one.set_aside(epoch, &[ids["a"]]).await.unwrap();
    assert_eq!(replicas.waiting().await, ["b<", "c", "d"]);

    // Another replica sets rows aside while it has the lease.
    replicas.one.release(epoch).await.unwrap();
    let others = replicas.other.lease(TTL).await.unwrap().unwrap();
    replicas.other.take_back(others, &[KNOWN, UNHEARD], 1_000).await.unwrap();
    replicas.other.set_aside(others, &[ids["c"]]).await.unwrap();
    replicas.other.release(others).await.unwrap();
    replicas.epoch().await;
    assert_eq!(replicas.waiting().await, ["a", "b", "d<"]);
}

async fn what_can_be_routed_is_taken_back_in_its_order(replicas: Replicas) {
    for (key, kind, name) in
        [(1, UNHEARD, "a"), (1, KNOWN, "b"), (2, KNOWN, "c"), (3, KNOWN, "d"), (3, UNHEARD, "e"), (3, KNOWN, "f")]
    {
        replicas.write(key, kind, name).await;
    }
    let epoch = replicas.epoch().await;
    let all: Vec<i64> = replicas.ids().await.into_values().collect();
    replicas.one.set_aside(epoch, &all).await.unwrap();

    let known = replicas.one.take_back(epoch, &[KNOWN], 1_000).await.unwrap();
    assert_eq!((known.count, replicas.waiting().await), (2, vec!["c".to_owned(), "d".to_owned()]));
    let both = replicas.one.take_back(epoch, &[KNOWN, UNHEARD], 1_000).await.unwrap();

    assert_eq!((both.count, replicas.waiting().await.concat()), (4, "abcdef".to_owned()));
}

async fn what_is_published_holds_nothing_back(replicas: Replicas) {
    replicas.write(1, UNHEARD, "a").await;
    replicas.write(1, KNOWN, "b").await;
    let (epoch, ids) = (replicas.epoch().await, replicas.ids().await);
    replicas.one.set_aside(epoch, &[ids["a"]]).await.unwrap();

    // A relay that knows the type marks the row.
    replicas.one.mark(epoch, &[ids["a"]]).await.unwrap();

    assert_eq!(replicas.waiting().await, ["b"]);
    assert_eq!(replicas.one.take_back(epoch, &[KNOWN, UNHEARD], 1_000).await.unwrap().count, 0);
}

#[tokio::test]
#[should_panic(expected = "is in the outbox already")]
async fn an_event_that_the_memory_outbox_has_is_refused() {
    let outbox = MemoryOutbox::default();
    let event = Event::new(KNOWN, Uuid::from_u128(1), "");
    outbox.insert(event.clone());

    outbox.insert(event);
}

macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Replicas::in_postgres().await).await;
            })*
        }

        mod memory {
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                super::$name(super::Replicas::in_memory()).await;
            })*
        }
    };
}

both!(
    rows_wait_in_their_order_until_they_are_marked,
    one_replica_has_the_lease_until_it_gives_it_back,
    an_epoch_that_is_over_changes_nothing,
    what_is_set_aside_holds_back_its_key_alone,
    what_is_set_aside_after_a_look_at_none_holds_back_its_key_too,
    what_can_be_routed_is_taken_back_in_its_order,
    what_is_published_holds_nothing_back,
);
