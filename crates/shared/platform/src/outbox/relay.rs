//! The relay publishes events from the outbox to their topics. Only one relay per database publishes at a time.

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
    kafka::{Record, Refusal},
    outage::Outage,
    pace::Pace,
    readiness::Condition,
};

/// The maximum number of rows per batch.
const BATCH: i64 = 500;
/// The time after which a lease expires that is not renewed, so that another replica takes over.
const LEASE: Duration = Duration::from_secs(5);
/// The interval at which the relay looks for new rows even if nothing wakes it.
const POLL: Duration = Duration::from_secs(1);
/// The pause of a relay after a failure. It is longer than [`POLL`], at which the other replicas try to take the released lease.
const PAUSE: Duration = Duration::from_millis(1_250);
/// The time limit for releasing the lease. If the release does not succeed, the lease expires after [`LEASE`].
const RELEASE: Duration = Duration::from_millis(500);
/// How often the relay examines the rows that are set aside, since an operator may have deleted or changed a row that blocks others.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The pause between two batches of rows that are set aside.
const LOOK_ON: Duration = Duration::from_millis(250);

/// Publishes the events of the outbox at least once. The events of one key are published in order.
pub struct Relay {
    name: &'static str,
    outbox: Arc<dyn Outbox>,
    publisher: Arc<dyn Publisher>,
    /// Maps each event type to its topic.
    topics: HashMap<&'static str, String>,
    wake: Arc<Notify>,
    accepted: Option<Condition>,
}

/// Wakes the relay after a commit. A call is cheap, and several calls may result in one wake-up.
#[derive(Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The lease while this relay holds it.
#[derive(Clone, Copy)]
struct Held {
    epoch: i64,
    renew_at: Instant,
    look_at: Instant,
}

/// The state of a relay between two full batches. After a failure it is discarded, and the rows are read again.
#[derive(Default)]
struct InHand {
    /// The ids of rows that the broker has acknowledged and that are not marked as published yet.
    unmarked: Vec<i64>,
    /// The rows of the next batch, read while the previous batch was published.
    next: Vec<Unpublished>,
}

/// The size of the batch that was published last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Empty,
    /// The batch contained all remaining rows, this many.
    Part(u32),
    /// The batch had [`BATCH`] rows, so more rows may be left.
    Full,
}

impl Relay {
    /// Creates the relay. `name` is the name of the service and labels the relay's metrics.
    pub fn new(
        name: &'static str,
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        topics: HashMap<&'static str, String>,
        waker: &Waker,
    ) -> Self {
        Self { name, outbox, publisher, topics, wake: waker.0.clone(), accepted: None }
    }

    /// Sets a readiness condition that is not met while the broker refuses the events. It stays met while the broker is unavailable, since
    /// the events wait.
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

    /// Publishes until `stop` is cancelled, then publishes the rows that are left.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let metrics = Metrics::new(self.name);
        tokio::select! {
            () = self.keep_publishing(&metrics, &stop) => Ok(()),
            // The count runs beside the publishing, because the backlog matters most while publishing hangs.
            () = metrics.keep_counting(&*self.outbox) => Ok(()),
        }
    }

    async fn keep_publishing(&self, metrics: &Metrics, stop: &CancellationToken) {
        let mut outage = Outage::new("publishing", "relay");
        let mut lease = None;
        loop {
            let outcome = self.hold(&mut lease, metrics, stop, &mut outage).await;
            if let Some(Held { epoch, .. }) = lease.take() {
                // Another replica may be able to reach the broker although this one cannot.
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

    /// Publishes while this relay has the lease, and otherwise tries to acquire it. Returns after `stop` or with the first error.
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
                    // Another replica may have published these rows.
                    in_hand = InHand::default();
                }
                *lease = epoch.map(|epoch| {
                    // Another version of the service may have set aside rows that this version can route.
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
                // After `stop`, the relay publishes until it finds no more rows.
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
                // Without the lease this relay publishes nothing, so no success ends the outage in the log.
                () = outage.subsided() => self.over(outage),
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes one batch. While it publishes a full batch, it marks the previous batch and reads the next one.
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
            // These rows are set aside before the next batch is read, because that batch may have later rows of the same keys.
            self.outbox.set_aside(epoch, &ids(&aside)).await?;
            metrics.set_aside(&aside);
        }
        let published = ids(&ready);
        let records = ready.into_iter().filter_map(|row| self.record(row)).collect();
        // `join!` waits for all three, so that a failure of one does not lose the result of the others.
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

    /// Splits rows into those that can be published now, and those that have no topic or follow such a row of the same key.
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

    /// Clears the mark of rows that were set aside and can be published now, one batch at a time.
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

    /// Converts a row to a record. Returns `None` if the event type has no topic.
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

/// Waits for `stop`, and then two seconds more for a broker that does not answer. Rows that are not published by then stay in the outbox,
/// for another replica or the next start of the service.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}
