//! The relay: moves events from the outbox to their topics, one relay per database at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Outbox, Publisher, Unpublished};
use crate::{kafka::Record, outage::Outage, retry};

/// Rows published at once.
const BATCH: i64 = 500;
/// How long a relay may be silent before another takes over.
const LEASE: Duration = Duration::from_secs(5);
/// A backstop: what no wake-up has told of is found after this long.
const POLL: Duration = Duration::from_secs(1);
/// How often published rows that have served their time are removed.
const SWEEP: Duration = Duration::from_mins(1);

/// Publishes what the outbox holds, at least once, the events of one key in their order.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    publisher: Arc<dyn Publisher>,
    /// From event type to topic.
    topics: HashMap<&'static str, String>,
    /// How long published rows are kept: longer than the topics keep their records.
    keep: Duration,
    wake: Arc<Notify>,
}

/// Wakes the relay after a commit. Cheap, and any number of calls are one wake-up.
#[derive(Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Relay {
    pub fn new(
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        topics: HashMap<&'static str, String>,
        keep: Duration,
        waker: &Waker,
    ) -> Self {
        Self { outbox, publisher, topics, keep, wake: waker.0.clone() }
    }

    /// Publishes until `stop`, then once more what is there.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pauses = retry::patient();
        let mut outage = Outage::new("publishing", "relay");
        loop {
            match self.hold(&stop, &mut outage).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    outage.met(format!("{error:#}"));
                    let pause = pauses.next().unwrap_or(POLL).min(POLL);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stop.cancelled() => return Ok(()),
                    }
                }
            }
        }
    }

    /// Publishes while it has the lease, and waits for it while it has not.
    async fn hold(&self, stop: &CancellationToken, outage: &mut Outage) -> anyhow::Result<()> {
        let mut sweep_at = Instant::now() + SWEEP;
        let mut lease: Option<(i64, Instant)> = None;
        loop {
            if lease.is_none_or(|(_, renew_at)| Instant::now() >= renew_at) {
                let renew_at = Instant::now() + LEASE / 3;
                lease = self.outbox.lease(LEASE).await?.map(|epoch| (epoch, renew_at));
            }
            if let Some((epoch, _)) = lease {
                let more = tokio::select! {
                    more = self.publish(epoch) => more?,
                    () = given_up(stop) => return Ok(()),
                };
                outage.over();
                if more {
                    continue;
                }
                if Instant::now() >= sweep_at {
                    self.outbox.sweep(self.keep).await?;
                    sweep_at = Instant::now() + SWEEP;
                }
            } else {
                outage.over();
            }
            if stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.wake.notified() => if lease.is_none() { self.outbox.notify().await?; },
                () = self.outbox.notified(), if lease.is_some() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes one batch. True when there may be more.
    async fn publish(&self, epoch: i64) -> anyhow::Result<bool> {
        let rows = self.outbox.unpublished(BATCH).await?;
        metrics::gauge!("outbox_unpublished").set(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if rows.is_empty() {
            return Ok(false);
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let records = rows.into_iter().map(|row| self.record(row)).collect::<anyhow::Result<_>>()?;
        self.publisher.publish(records).await?;
        self.outbox.mark(epoch, &ids).await?;
        metrics::counter!("outbox_published_total").increment(ids.len() as u64);
        Ok(true)
    }

    fn record(&self, row: Unpublished) -> anyhow::Result<Record> {
        let topic = self.topics.get(row.event_type.as_str());
        let topic =
            topic.ok_or_else(|| anyhow::anyhow!("the outbox holds an event of the unknown type {}", row.event_type))?;
        let mut headers = row.trace;
        headers.extend([
            ("event-uuid".to_owned(), row.event_uuid.to_string()),
            ("event-type".to_owned(), row.event_type),
            ("content-type".to_owned(), "application/x-protobuf".to_owned()),
        ]);
        Ok(Record { topic: topic.clone(), key: row.key.to_string().into_bytes(), payload: row.payload, headers })
    }
}

/// When a broker that does not answer is waited for no longer: the rows stay for the next start.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}
