//! Tests that each end of an attempt wakes the relay.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::events::{Topics, topics_of};
use outbox::{Publisher, Record, Relay, Waker};
use payment::{client::ScriptedFault, service::Charge};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::{Fixture, fixture_with};
use crate::{new_order, new_transaction};

/// A broker that accepts every record.
struct Broker;

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Returns the number of published events after 100 ms. A relay that is not woken waits longer than that.
async fn published(fixture: &Fixture) -> usize {
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.payments.outbox.events().iter().filter(|(_, published)| *published).count()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_attempt_is_published_at_once() {
    let waker = Waker::default();
    let fixture = fixture_with(waker.clone());
    let topics = topics_of("payment", &Topics::default());
    let relay = Relay::new("payment", Arc::new(fixture.payments.outbox.clone()), Arc::new(Broker), topics, &waker);
    tokio::spawn(relay.run(CancellationToken::new()));
    let (voided, unknown) =
        (Charge { order: new_order(), ..fixture.charge }, Charge { order: new_order(), ..fixture.charge });

    fixture.pay().await.unwrap();
    assert_eq!(published(&fixture).await, 1, "charged");
    fixture.service.void(&voided, new_transaction()).await.unwrap();
    assert_eq!(published(&fixture).await, 2, "voided");
    fixture.provider.script([ScriptedFault::Silent]);
    fixture.service.pay(&unknown, new_transaction()).await.unwrap_err();
    assert_eq!(published(&fixture).await, 2, "unknown");
    fixture.service.pay(&unknown, new_transaction()).await.unwrap();
    assert_eq!(published(&fixture).await, 3, "became known");
    fixture.cancel().await;
    fixture.wait().await;
    assert_eq!(fixture.movements(), (2, 1), "refunded");
    assert_eq!(published(&fixture).await, 3, "refunded");
}
