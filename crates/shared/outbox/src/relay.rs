//! The relay publishes events from the outbox to their topics. Only one relay per database publishes at a time.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use group_commit::BatchDelay;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Outbox, Publisher, Waker,
    batch::{Batch, Failure, InHand, RefusedTopics},
    metrics::Metrics,
    outage::Outage,
};

/// An unrenewed lease expires after this time.
const LEASE_TTL: Duration = Duration::from_secs(5);
/// How often the relay looks for new rows even if nothing wakes it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The backoff of a relay after a failure. It is longer than [`POLL_INTERVAL`], so that another replica can take the
/// released lease first.
const RETRY_DELAY: Duration = Duration::from_millis(1_250);
/// The time limit for releasing the lease, which otherwise expires after [`LEASE_TTL`].
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);
/// The maximum number of set-aside rows that one scan examines. It is lower while the broker refuses single events,
/// since retrying them delays the batches.
const LOOK: i64 = 1_000;
const LOOK_WHILE_REFUSED: i64 = 20;
/// How often the relay examines the rows that are set aside. The broker may accept them again, or an operator may have
/// deleted or changed a row that blocks others.
const SET_ASIDE_INTERVAL: Duration = Duration::from_secs(5);
/// The delay between two batches of rows that are set aside.
const SET_ASIDE_BATCH_DELAY: Duration = Duration::from_millis(250);

/// The relay of an outbox: publishes events at least once, and those of one key in order.
pub struct Relay {
    name: &'static str,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) topics: HashMap<&'static str, String>,
    pub(super) content_type: &'static str,
    waker: Waker,
    report: Option<Box<dyn Fn(Option<&'static str>) + Send + Sync>>,
}

/// The lease while this relay holds it.
#[derive(Clone, Copy)]
struct Held {
    epoch: i64,
    renew_at: Instant,
    look_at: Instant,
}

impl Relay {
    /// Creates the relay. `name` is the name of the service, which labels the metrics. `topics` are the topics by event
    /// type; see [`topics_of_same_name`]. Events of other types are set aside.
    pub fn new(
        name: &'static str,
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        topics: HashMap<&'static str, String>,
        waker: &Waker,
    ) -> Self {
        let content_type = "application/x-protobuf";
        Self { name, outbox, publisher, topics, content_type, waker: waker.clone(), report: None }
    }

    /// Sets the header `content-type` of all records, by default `application/x-protobuf`.
    #[must_use]
    pub fn with_content_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    /// Calls `report` with `None` now. Later calls it with a short reason each time the broker refuses this client or
    /// its topics, and with `None` each time it does not. An unavailable broker is not reported, since the outbox keeps
    /// the events.
    #[must_use]
    pub fn reporting(self, report: impl Fn(Option<&'static str>) + Send + Sync + 'static) -> Self {
        report(None);
        Self { report: Some(Box::new(report)), ..self }
    }

    fn report(&self, refusal: Option<&'static str>) {
        if let Some(report) = &self.report {
            report(refusal);
        }
    }

    fn over(&self, outage: &mut Outage, refused: &RefusedTopics) {
        outage.over();
        self.report(refused.reason());
    }

    /// Publishes until `stop` is cancelled, then publishes the rows that are left, for two seconds at most.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let metrics = Metrics::new(self.name, self.topics.values());
        tokio::select! {
            () = self.keep_publishing(&metrics, &stop) => Ok(()),
            // The backlog is counted concurrently, because it matters most while publishing hangs.
            () = metrics.keep_counting(&*self.outbox) => Ok(()),
        }
    }

    async fn keep_publishing(&self, metrics: &Metrics, stop: &CancellationToken) {
        let mut outage = Outage::default();
        let mut lease = None;
        loop {
            let outcome = tokio::select! {
                outcome = caught(self.hold(&mut lease, metrics, stop, &mut outage)) => outcome,
                () = given_up(stop) => Ok(()),
            };
            if let Some(Held { epoch, .. }) = lease.take() {
                // Another replica may be able to reach the broker.
                let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.outbox.release(epoch)).await;
            }
            let Err(Failure { error, reason }) = outcome else { return };
            if reason.is_some() {
                self.report(reason);
            }
            outage.met(format!("{error:#}"));
            tokio::select! {
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Publishes while this relay has the lease, and otherwise tries to acquire it. Returns after `stop` or with the
    /// first error.
    async fn hold(
        &self,
        lease: &mut Option<Held>,
        metrics: &Metrics,
        stop: &CancellationToken,
        outage: &mut Outage,
    ) -> Result<(), Failure> {
        let (mut in_hand, mut refused) = (InHand::default(), RefusedTopics::default());
        let mut delay = BatchDelay::default();
        loop {
            let now = Instant::now();
            if lease.is_none_or(|held| now >= held.renew_at) {
                let epoch = self.outbox.lease(LEASE_TTL).await?;
                if epoch != lease.map(|held| held.epoch) {
                    // Another replica may have published these rows.
                    in_hand = InHand::default();
                    if !std::mem::take(&mut refused).is_empty() {
                        self.over(outage, &refused);
                    }
                }
                *lease = epoch.map(|epoch| {
                    // Another version may have set aside rows that this one can route.
                    let look_at = lease.filter(|held| held.epoch == epoch).map_or(now, |held| held.look_at);
                    Held { epoch, renew_at: now + LEASE_TTL / 3, look_at }
                });
            }
            if let Some(held) = lease {
                self.look_at_what_is_set_aside(held, &mut refused).await?;
                if !in_hand.has_next() {
                    tokio::time::sleep_until(delay.next().unwrap_or(now)).await;
                }
                // The rows in hand may have been read before `stop`.
                let is_read_after_stop = stop.is_cancelled() && !in_hand.has_next();
                let (begun, before) = (Instant::now(), refused.len());
                let batch = self.publish(held.epoch, &mut in_hand, &mut refused, metrics).await?;
                self.over(outage, &refused);
                if refused.len() < before {
                    held.look_at = begun;
                }
                if let Batch::Part(events) = batch {
                    delay.record(events, begun);
                }
                // The last batch is read after `stop`, so the rows of all requests to this process are published by
                // then. The relay does not wait for an empty outbox, since other replicas continue to write.
                if batch == Batch::Full || (stop.is_cancelled() && !is_read_after_stop) {
                    continue;
                }
            }
            if stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.waker.woken() => if lease.is_none() { self.outbox.notify().await?; },
                () = self.outbox.notified(), if lease.is_some() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                // Without the lease nothing is published, so no success can end the outage in the log.
                () = outage.subsided() => self.over(outage, &refused),
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes back one batch of rows that were set aside and may be published now.
    async fn look_at_what_is_set_aside(&self, held: &mut Held, refused: &mut RefusedTopics) -> anyhow::Result<()> {
        if Instant::now() < held.look_at {
            return Ok(());
        }
        let tried = self.topics.iter().filter(|(_, topic)| !refused.is_waiting(topic));
        let kinds: Vec<&str> = tried.map(|(kind, _)| *kind).collect();
        let is_refusing = std::mem::take(&mut refused.refused_a_key);
        let limit = if is_refusing { LOOK_WHILE_REFUSED } else { LOOK };
        let done = self.outbox.take_back(held.epoch, &kinds, limit).await?;
        if done.count > 0 && refused.is_empty() {
            tracing::info!(outbox = self.name, count = done.count, "events that were set aside are published");
        }
        if done.count == 0 && !done.more {
            refused.forget_due();
        }
        held.look_at = Instant::now()
            + match is_refusing {
                false if done.more && done.count > 0 => Duration::ZERO,
                false if done.more => SET_ASIDE_BATCH_DELAY,
                _ => SET_ASIDE_INTERVAL,
            };
        Ok(())
    }
}

/// Returns topics of the same names as these event types, for [`Relay::new`].
pub fn topics_of_same_name(kinds: impl IntoIterator<Item = &'static str>) -> HashMap<&'static str, String> {
    kinds.into_iter().map(|kind| (kind, kind.to_owned())).collect()
}

/// Runs one round. A panic, which the panic hook has logged, becomes an error, and the relay retries.
async fn caught(round: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    AssertUnwindSafe(round).catch_unwind().await.unwrap_or_else(|_| Err(anyhow::anyhow!("the round panicked").into()))
}

/// Waits for `stop`, and then two seconds more for a broker that does not respond, or for many rows. Rows that are not
/// published by then stay in the outbox, for another replica or the next start of the service.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}
