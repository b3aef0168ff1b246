//! Tests of how many events a relay publishes together, and what it does at the same time.

use std::time::Duration;

use super::{
    KNOWN, MAX_BATCH_DELAY, SHORT_WAIT,
    doubles::{Broker, Counted},
};

const BATCH_SIZE: usize = 500;

#[tokio::test(start_paused = true)]
async fn events_that_come_one_after_another_are_published_together() {
    let (outbox, broker) = (Counted::default(), Broker::default());
    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    let mut written = 0;
    let mut write = async |count: usize, gap| {
        for _ in 0..count {
            outbox.write(1, KNOWN, &written.to_string());
            relay.waker.wake();
            tokio::time::sleep(gap).await;
            written += 1;
        }
        (broker.published().len(), broker.batches())
    };

    assert_eq!(write(20, MAX_BATCH_DELAY / 2).await, (20, 20), "few are published at once, each alone");
    let (_, before) = write(2_000, MAX_BATCH_DELAY / 50).await;
    let (published, after) = write(200, MAX_BATCH_DELAY / 50).await;

    assert!(published >= 2_220 - 50, "each is published within {MAX_BATCH_DELAY:?}: {published}");
    assert!(after - before <= 5, "{} batches in {:?}", after - before, MAX_BATCH_DELAY * 4);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_published_while_the_one_before_is_marked_and_the_one_behind_is_read() {
    let delay = Duration::from_millis(100);
    let (outbox, broker) = (Counted { delay, ..Counted::default() }, Broker { delay, ..Broker::default() });
    let names: Vec<String> = (0..4 * BATCH_SIZE).map(|number| number.to_string()).collect();
    for name in &names {
        outbox.write(1, KNOWN, name);
    }

    let relay = outbox.relay(&broker, &[KNOWN]);
    // Six operations: reading the first batch, publishing four, marking the last.
    tokio::time::sleep(delay * 6 + SHORT_WAIT).await;

    assert_eq!(broker.published(), names);
    assert_eq!(outbox.unpublished(), [""; 0]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_acknowledged_is_marked_though_the_next_one_fails() {
    let (outbox, broker) = (Counted::default(), Broker { room: Some(BATCH_SIZE), ..Broker::default() });
    let names: Vec<String> = (0..2 * BATCH_SIZE).map(|number| number.to_string()).collect();
    for name in &names {
        outbox.write(1, KNOWN, name);
    }

    let relay = outbox.relay(&broker, &[KNOWN]);
    tokio::time::sleep(SHORT_WAIT).await;

    assert_eq!(
        (broker.published(), outbox.unpublished()),
        (names[..BATCH_SIZE].to_vec(), names[BATCH_SIZE..].to_vec())
    );
    relay.stop().await;
}
