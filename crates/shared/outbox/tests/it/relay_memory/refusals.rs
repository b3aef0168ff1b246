//! Tests of events that the broker refuses: which other events wait for them, and how they are published later.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    KNOWN, SHORT_WAIT,
    doubles::{Broker, Counted, Refuses, TIME_LIMIT},
};

/// A type of events whose topic the broker refuses.
const CANCELLED: &str = "events.v1.OrderCancelled";
/// Longer than the longest delay between two attempts to publish a refused event.
const BACKOFF: Duration = Duration::from_secs(20);

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04}")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_is_published_once_beside_an_event_that_is_refused() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    broker.refuse(Some(Refuses::Topic(CANCELLED)));
    for (key, name) in (1..).zip(["a", "b", "c", "d", "e"]) {
        outbox.write(key, KNOWN, name);
    }
    outbox.write(6, CANCELLED, "refused");

    let relay = outbox.relay(&broker, &[KNOWN, CANCELLED]);
    tokio::time::sleep(BACKOFF).await;

    assert_eq!(
        (broker.published(), outbox.unpublished()),
        (["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(), vec!["refused".to_owned()])
    );
    broker.refuse(None);
    tokio::time::sleep(BACKOFF).await;
    assert_eq!((broker.published().pop(), outbox.unpublished()), (Some("refused".to_owned()), vec![]));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_events_of_a_refused_topic_than_a_batch_has_rows_hold_up_no_other() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    broker.refuse(Some(Refuses::Topic(CANCELLED)));
    let waiting = names(1_200);
    for (key, name) in (0..600).chain(0..600).zip(&waiting) {
        outbox.write(key, CANCELLED, name);
    }
    let relay = outbox.relay(&broker, &[KNOWN, CANCELLED]);
    tokio::time::sleep(Duration::from_secs(5)).await;

    for (key, name) in [(1_000, "other"), (7, "behind")] {
        outbox.write(key, KNOWN, name);
    }
    relay.waker.wake();
    tokio::time::sleep(SHORT_WAIT).await;

    assert_eq!(broker.published(), ["other"]);
    broker.refuse(None);
    tokio::time::sleep(BACKOFF).await;
    assert_eq!(outbox.unpublished(), [""; 0]);
    assert_eq!(broker.of_key(7), ["0007", "0607", "behind"]);
    assert_eq!(broker.published().len(), 1_202, "each is published once");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_refused_by_itself_holds_up_its_key_alone() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    broker.refuse(Some(Refuses::Payload("too large")));
    for (key, kind, name) in
        [(1, KNOWN, "before"), (1, KNOWN, "too large"), (1, CANCELLED, "after"), (2, KNOWN, "other")]
    {
        outbox.write(key, kind, name);
    }

    let relay = outbox.relay(&broker, &[KNOWN, CANCELLED]);
    tokio::time::sleep(BACKOFF).await;
    outbox.write(1, KNOWN, "last");
    relay.waker.wake();
    tokio::time::sleep(BACKOFF).await;

    assert_eq!(broker.published(), ["before", "other"]);
    broker.refuse(None);
    tokio::time::sleep(BACKOFF).await;
    assert_eq!(broker.of_key(1), ["before", "too large", "after", "last"]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_a_leader_holds_up_the_others_for_the_time_limit_alone() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    broker.refuse(Some(Refuses::Partition(0)));
    let relay = outbox.relay(&broker, &[KNOWN]);

    // The partition of a key is its last byte modulo 3. This takes twice as long as the longest delay, so the partition
    // is retried meanwhile.
    for number in 0..400 {
        outbox.write(number, KNOWN, &format!("{number:04}"));
        relay.waker.wake();
        tokio::time::sleep(BACKOFF / 200).await;
    }
    tokio::time::sleep(TIME_LIMIT * 2).await;
    let mut of_others = (0..400).filter(|number| number % 3 != 0).map(|number| format!("{number:04}"));
    assert!(of_others.all(|name| broker.published().contains(&name)), "{:?}", broker.published());

    broker.refuse(None);
    tokio::time::sleep(BACKOFF).await;
    assert_eq!(outbox.unpublished(), [""; 0]);
    assert_eq!(broker.published().len(), 400, "each is published once");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reason_is_reported_while_the_broker_refuses_this_client() {
    let outbox = Counted::default();
    let broker = Broker { reason: Some("not authorised"), ..Broker::default() };
    broker.refuse(Some(Refuses::Topic(CANCELLED)));
    outbox.write(1, CANCELLED, "refused");
    let (report, reported) = watch::channel(Some("nothing yet"));

    let relay = outbox.reporting_relay(&broker, &[CANCELLED], move |reason| {
        report.send_replace(reason);
    });
    assert_eq!(*reported.borrow(), None);
    tokio::time::sleep(BACKOFF).await;
    assert_eq!(*reported.borrow(), Some("not authorised"));
    broker.refuse(None);
    tokio::time::sleep(BACKOFF).await;

    assert_eq!((*reported.borrow(), outbox.unpublished()), (None, vec![]));
    relay.stop().await;
}
