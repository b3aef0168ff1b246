//! How many events go together, and what is done at the same time.

use std::time::Duration;

use super::{
    AT_ONCE, KNOWN, PACE,
    doubles::{Broker, Counted},
};

/// The most rows that a relay publishes at once.
const BATCH: usize = 500;

#[tokio::test(start_paused = true)]
async fn events_that_come_one_after_another_are_published_together() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(AT_ONCE).await;

    for number in 0..20 {
        outbox.write(1, KNOWN, &number.to_string());
        relay.waker.wake();
        tokio::time::sleep(PACE / 10).await;
    }

    assert_eq!(broker.published().first().map(String::as_str), Some("0"));
    assert!(broker.published().len() >= 10, "each is published within {PACE:?}: {:?}", broker.published());
    assert!(broker.batches() <= 4, "{} batches in {:?}", broker.batches(), PACE * 2);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_published_while_the_one_before_is_marked_and_the_one_behind_is_read() {
    let delay = Duration::from_millis(100);
    let (outbox, broker) = (Counted { delay, ..Counted::default() }, Broker { delay, ..Broker::default() });
    let names: Vec<String> = (0..4 * BATCH).map(|number| number.to_string()).collect();
    for name in &names {
        outbox.write(1, KNOWN, name);
    }

    let relay = outbox.relay(&broker, &[KNOWN]);
    // The first is read, four are published, the last is marked.
    tokio::time::sleep(delay * 6 + AT_ONCE).await;

    assert_eq!(broker.published(), names);
    assert_eq!(outbox.unpublished(), [""; 0]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_acknowledged_is_marked_though_the_next_one_fails() {
    let (outbox, broker) = (Counted::default(), Broker { room: Some(BATCH), ..Broker::default() });
    let names: Vec<String> = (0..2 * BATCH).map(|number| number.to_string()).collect();
    for name in &names {
        outbox.write(1, KNOWN, name);
    }

    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(AT_ONCE).await;

    assert_eq!((broker.published(), outbox.unpublished()), (names[..BATCH].to_vec(), names[BATCH..].to_vec()));
    relay.stop().await;
}
