//! Tests of the relay over the in-memory outbox, in simulated time: what it publishes, in which order, and how often it
//! reads the outbox.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batches;
pub mod doubles;
mod frozen;
mod refusals;

use std::time::Duration;

use doubles::{Broker, CallCounts, Counted};
use outbox::Outbox as _;
use testkit::MemoryLog;
use tokio::time::Instant;
use tracing::Level;

const KNOWN: &str = "events.v1.OrderPaid";
const UNKNOWN: &str = "events.v1.Unknown";
/// A time that is shorter than any delay of a relay.
const SHORT_WAIT: Duration = Duration::from_millis(10);
/// The longest delay between two batches that are not full.
const MAX_BATCH_DELAY: Duration = Duration::from_millis(100);
/// How long a relay waits for a wake-up before it looks for rows itself.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stopping relay waits for a broker that does not respond.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn an_event_without_a_route_holds_back_the_later_events_of_its_key_alone() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    for (key, kind, name) in [(1, KNOWN, "before"), (1, UNKNOWN, "unknown"), (1, KNOWN, "after"), (2, KNOWN, "other")] {
        outbox.write(key, kind, name);
    }

    let old = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;
    outbox.write(1, KNOWN, "last");
    outbox.write(3, KNOWN, "another");
    old.waker.wake();
    tokio::time::sleep(MAX_BATCH_DELAY).await;

    assert_eq!(broker.published(), ["before", "other", "another"]);
    assert_eq!(outbox.unpublished(), ["unknown", "after", "last"]);

    old.stop().await;
    let new = outbox.relay(&broker, &[KNOWN, UNKNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    assert_eq!(broker.published()[3..], ["unknown", "after", "last"]);
    assert_eq!(outbox.unpublished(), [""; 0]);
    new.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_is_followed_at_once_and_an_event_without_one_is_found_a_second_later() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    outbox.write(1, KNOWN, "woken");
    relay.waker.wake();
    tokio::time::sleep(SHORT_WAIT).await;
    assert_eq!(broker.published(), ["woken"]);

    outbox.write(1, KNOWN, "found");
    tokio::time::sleep(SHORT_WAIT).await;
    assert_eq!(broker.published(), ["woken"]);
    tokio::time::sleep(POLL_INTERVAL).await;
    assert_eq!(broker.published(), ["woken", "found"]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_relay_keeps_its_lease_and_asks_no_more_often_than_it_must() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let rival = outbox.outbox.rival("rival");
    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    for second in 0..30 {
        assert_eq!(rival.lease(POLL_INTERVAL).await.unwrap(), None, "after {second} s");
        tokio::time::sleep(POLL_INTERVAL).await;
    }

    let CallCounts { leases, take_backs } = *outbox.calls();
    assert!((10..=18).contains(&leases), "the lease of 5 s was renewed {leases} times");
    assert!((5..=7).contains(&take_backs), "it looked {take_backs} times, every 5 s, at what is set aside");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_that_are_taken_back_are_logged_once() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let (log, _guard) = MemoryLog::capture(Level::INFO);
    outbox.write(1, KNOWN, "a");
    let epoch = outbox.outbox.lease(POLL_INTERVAL).await.unwrap().unwrap();
    outbox.outbox.set_aside(epoch, &[0]).await.unwrap();

    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(Duration::from_secs(30)).await;

    assert_eq!(broker.published(), ["a"]);
    let log = log.text();
    assert_eq!(log.matches("events that were set aside are published").count(), 1, "{log}");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_cannot_publish_leaves_it_to_a_replica_that_can() {
    let (outbox, full, broker) = (Counted::default(), Broker { room: Some(0), ..Broker::default() }, Broker::default());
    let other = Counted { outbox: outbox.outbox.rival("other"), ..Counted::default() };
    outbox.write(1, KNOWN, "a");
    let cannot = outbox.relay(&full, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    let can = other.relay(&broker, &[KNOWN]);
    tokio::time::sleep(Duration::from_secs(20)).await;

    assert_eq!((broker.published(), outbox.unpublished()), (vec!["a".to_owned()], vec![]));
    cannot.stop().await;
    can.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_stopped_publishes_for_two_seconds_and_leaves_the_rest_to_others() {
    // A silent broker, and five batches that each take less than two seconds.
    for (case, delay, events) in [("silent", Duration::from_hours(1), 1), ("backlog", POLL_INTERVAL, 2_500)] {
        let (outbox, broker) = (Counted::default(), Broker { delay, ..Broker::default() });
        for key in 0..events {
            outbox.write(key, KNOWN, "a");
        }
        let relay = outbox.relay(&broker, &[KNOWN]);
        tokio::time::sleep(SHORT_WAIT).await;

        let stopped = Instant::now();
        relay.stop().await;

        let took = stopped.elapsed();
        assert!((STOP_TIMEOUT..STOP_TIMEOUT + POLL_INTERVAL).contains(&took), "{case}: {took:?}");
        assert!(!outbox.unpublished().is_empty(), "{case}");
        let taken = outbox.outbox.rival("rival").lease(POLL_INTERVAL).await.unwrap();
        assert_eq!(taken, Some(2), "{case}: the lease is free");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_stopped_publishes_its_own_events_and_ends_while_other_replicas_write() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let relay = outbox.relay(&broker, &[KNOWN]);
    let (other, waker) = (outbox.clone(), relay.waker.clone());
    let writing = tokio::spawn(async move {
        for key in 0..1_000 {
            other.write(key, KNOWN, "of another replica");
            waker.wake();
            tokio::time::sleep(SHORT_WAIT / 2).await;
        }
    });
    // By then the relay waits between batches for longer than between two events.
    tokio::time::sleep(STOP_TIMEOUT).await;
    outbox.write(1_000, KNOWN, "own");

    let stopped = Instant::now();
    relay.stop().await;

    assert!(stopped.elapsed() <= MAX_BATCH_DELAY * 2, "{:?}", stopped.elapsed());
    assert!(!writing.is_finished() && broker.published().contains(&"own".to_owned()));
    assert_eq!(outbox.outbox.rival("rival").lease(POLL_INTERVAL).await.unwrap(), Some(2), "the lease is free");
}
