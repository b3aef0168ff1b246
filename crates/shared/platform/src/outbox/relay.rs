//! The relay: publishes events from the outbox to their topics; one relay per database at a time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Outbox, Publisher, Unpublished, metrics::Metrics};
use crate::{
    health::Condition,
    kafka::{Record, Refusal},
    outage::Outage,
    pace::Pace,
};

/// Rows published at once.
const BATCH: i64 = 500;
/// How long a relay may be silent before another takes over.
const LEASE: Duration = Duration::from_secs(5);
/// A backstop: rows without a wake-up are found after this long.
const POLL: Duration = Duration::from_secs(1);
/// The time for which a relay that failed leaves the lease to other replicas, which try to take it every [`POLL`].
const PAUSE: Duration = Duration::from_millis(1_250);
/// The time limit for releasing the lease; without an answer the lease expires.
const RELEASE: Duration = Duration::from_millis(500);
/// How often rows that are set aside are looked at again: a row may have been removed, or changed by hand.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The pause between two batches of them.
const LOOK_ON: Duration = Duration::from_millis(250);

/// Publishes the outbox at least once, the events of one key in order.
pub struct Relay {
    name: &'static str,
    outbox: Arc<dyn Outbox>,
    publisher: Arc<dyn Publisher>,
    /// From event type to topic.
    topics: HashMap<&'static str, String>,
    wake: Arc<Notify>,
    accepted: Option<Condition>,
}

/// Wakes the relay after a commit. Cheap, and any number of calls are one wake-up.
#[derive(Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The right to publish.
#[derive(Clone, Copy)]
struct Held {
    epoch: i64,
    renew_at: Instant,
    look_at: Instant,
}

/// What a relay has in hand between two full batches: lost with a failure, and then read again.
#[derive(Default)]
struct InHand {
    /// Rows that the broker has acknowledged and that are not marked yet.
    unmarked: Vec<i64>,
    /// The rows of the next batch, read while the last one was published.
    next: Vec<Unpublished>,
}

/// How a batch was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Empty,
    /// What there was: so many events.
    Part(u32),
    /// As large as a batch can be: there may be more.
    Full,
}

impl Relay {
    /// Creates the relay; `name`, the service's, labels its metrics.
    pub fn new(
        name: &'static str,
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        topics: HashMap<&'static str, String>,
        waker: &Waker,
    ) -> Self {
        Self { name, outbox, publisher, topics, wake: waker.0.clone(), accepted: None }
    }

    /// Sets a condition that is not met while the broker refuses the events. An unavailable broker does not affect it: the events wait.
    #[must_use]
    pub fn accepted(self, accepted: Condition) -> Self {
        accepted.set(true);
        Self { accepted: Some(accepted), ..self }
    }

    fn over(&self, outage: &mut Outage) {
        outage.over();
        if let Some(accepted) = &self.accepted {
            accepted.set(true);
        }
    }

    /// Publishes until `stop`, then once more the rows that are left.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let metrics = Metrics::new(self.name);
        tokio::select! {
            () = self.keep_publishing(&metrics, &stop) => Ok(()),
            // Beside the publishing: the backlog matters most while publishing hangs.
            () = metrics.keep_counting(&*self.outbox) => Ok(()),
        }
    }

    async fn keep_publishing(&self, metrics: &Metrics, stop: &CancellationToken) {
        let mut outage = Outage::new("publishing", "relay");
        let mut lease = None;
        loop {
            let outcome = self.hold(&mut lease, metrics, stop, &mut outage).await;
            if let Some(Held { epoch, .. }) = lease.take() {
                // Another replica may reach what this one does not.
                let _ = tokio::time::timeout(RELEASE, self.outbox.release(epoch)).await;
            }
            let Err(error) = outcome else { return };
            if let (Some(accepted), Some(refusal)) = (&self.accepted, error.downcast_ref::<Refusal>()) {
                accepted.refuse(refusal.reason());
            }
            outage.met(format!("{error:#}"));
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Publishes while it has the lease, and waits for it while it has not.
    async fn hold(
        &self,
        lease: &mut Option<Held>,
        metrics: &Metrics,
        stop: &CancellationToken,
        outage: &mut Outage,
    ) -> anyhow::Result<()> {
        let mut in_hand = InHand::default();
        let mut pace = Pace::default();
        loop {
            let now = Instant::now();
            if lease.is_none_or(|held| now >= held.renew_at) {
                let epoch = self.outbox.lease(LEASE).await?;
                if epoch != lease.map(|held| held.epoch) {
                    // Another replica may have published it.
                    in_hand = InHand::default();
                }
                *lease = epoch.map(|epoch| {
                    // Another version may have set aside what this one can route.
                    let look_at = lease.filter(|held| held.epoch == epoch).map_or(now, |held| held.look_at);
                    Held { epoch, renew_at: now + LEASE / 3, look_at }
                });
            }
            if let Some(held) = lease {
                self.look_at_what_is_set_aside(held).await?;
                if in_hand.next.is_empty() {
                    tokio::time::sleep_until(pace.next().unwrap_or(now)).await;
                }
                let begun = Instant::now();
                let batch = tokio::select! {
                    batch = self.publish(held.epoch, &mut in_hand, metrics) => batch?,
                    () = given_up(stop) => return Ok(()),
                };
                self.over(outage);
                if let Batch::Part(events) = batch {
                    pace.record(events, begun);
                }
                // The last look of a relay that stops finds nothing.
                if batch == Batch::Full || (batch != Batch::Empty && stop.is_cancelled()) {
                    continue;
                }
            }
            if stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.wake.notified() => if lease.is_none() { self.outbox.notify().await?; },
                () = self.outbox.notified(), if lease.is_some() => {}
                () = tokio::time::sleep(POLL) => {}
                // Without the lease nothing else tells that it is over.
                () = outage.subsided() => self.over(outage),
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes one batch. While a full one is published, the one before is marked and the one behind is read.
    async fn publish(&self, epoch: i64, in_hand: &mut InHand, metrics: &Metrics) -> anyhow::Result<Batch> {
        let InHand { unmarked, next } = std::mem::take(in_hand);
        let rows = if next.is_empty() { self.outbox.unpublished(BATCH, &unmarked).await? } else { next };
        let batch = match u32::try_from(rows.len()) {
            Ok(0) => Batch::Empty,
            Ok(count) if i64::from(count) < BATCH => Batch::Part(count),
            _ => Batch::Full,
        };
        let (ready, aside) = self.sort(rows);
        if !aside.is_empty() {
            // Before the next are read: these may have later rows of the same keys.
            self.outbox.set_aside(epoch, &ids(&aside)).await?;
            metrics.set_aside(&aside);
        }
        let published = ids(&ready);
        let records = ready.into_iter().filter_map(|row| self.record(row)).collect();
        // Each is waited for: what fails is no reason to forget what the broker has acknowledged.
        let (acknowledged, marked, read) = tokio::join!(self.send(records), self.mark(epoch, &unmarked), async {
            if batch != Batch::Full {
                return Ok(Vec::new());
            }
            let under_way = [&unmarked[..], &published].concat();
            self.outbox.unpublished(BATCH, &under_way).await
        });
        acknowledged?;
        Metrics::published(published.len());
        marked?;
        let next = read?;
        if next.is_empty() {
            self.mark(epoch, &published).await?;
        } else {
            *in_hand = InHand { unmarked: published, next };
        }
        Ok(batch)
    }

    async fn send(&self, records: Vec<Record>) -> anyhow::Result<()> {
        if records.is_empty() { Ok(()) } else { self.publisher.publish(records).await }
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        if ids.is_empty() { Ok(()) } else { self.outbox.mark(epoch, ids).await }
    }

    /// Splits rows into those that can be published now, and those that have no topic or follow such a row of their key.
    fn sort(&self, rows: Vec<Unpublished>) -> (Vec<Unpublished>, Vec<Unpublished>) {
        let mut held_back: HashSet<Uuid> = HashSet::new();
        rows.into_iter().partition(|row| {
            let ready =
                !row.is_behind && !held_back.contains(&row.key) && self.topics.contains_key(row.event_type.as_str());
            if !ready {
                held_back.insert(row.key);
            }
            ready
        })
    }

    /// Takes back rows that can be published by now, one batch at a time.
    async fn look_at_what_is_set_aside(&self, held: &mut Held) -> anyhow::Result<()> {
        if Instant::now() < held.look_at {
            return Ok(());
        }
        let kinds: Vec<&str> = self.topics.keys().copied().collect();
        let done = self.outbox.take_back(held.epoch, &kinds).await?;
        if done.count > 0 {
            tracing::info!(outbox = self.name, count = done.count, "events that were set aside are published");
        }
        held.look_at = Instant::now() + if done.more { LOOK_ON } else { LOOK_AGAIN };
        Ok(())
    }

    /// Converts a row to a record. Returns `None` if the type has no topic.
    fn record(&self, row: Unpublished) -> Option<Record> {
        let topic = self.topics.get(row.event_type.as_str())?.clone();
        let mut headers = row.trace;
        headers.extend([
            ("event-uuid".to_owned(), row.event_uuid.to_string()),
            ("event-type".to_owned(), row.event_type),
            ("content-type".to_owned(), "application/x-protobuf".to_owned()),
        ]);
        Some(Record { topic, key: row.key.to_string().into_bytes(), payload: row.payload, headers })
    }
}

fn ids(rows: &[Unpublished]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

/// Waits for `stop` and the time for which the relay still waits for a silent broker. The rows stay for the next start.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}
