//! In-memory implementations of an outbox and a broker for a relay, which count calls, delay them and freeze.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use outbox::{
    Backlog, Event, MemoryOutbox, Outbox, PublishOutcome, Publisher, Record, Refused, Relay, Scope, TakenBack,
    Unpublished, Waker, in_order_of_keys,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A process that may freeze: then none of its calls begins or returns until it thaws.
#[derive(Clone, Default)]
pub struct Process(pub Option<watch::Receiver<bool>>);

impl Process {
    pub async fn thawed(&self) {
        if let Some(frozen) = &self.0 {
            let _ = frozen.clone().wait_for(|frozen| !*frozen).await;
        }
    }

    pub async fn call<T>(&self, work: impl Future<Output = T>) -> T {
        self.thawed().await;
        let result = work.await;
        self.thawed().await;
        result
    }
}

/// An in-memory outbox as the relay of one process uses it. It counts the calls, and delays reading and marking.
#[derive(Clone, Default)]
pub struct Counted {
    pub outbox: MemoryOutbox,
    pub calls: Arc<Mutex<CallCounts>>,
    pub delay: Duration,
    pub process: Process,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct CallCounts {
    pub leases: u32,
    pub take_backs: u32,
}

impl Counted {
    pub fn calls(&self) -> MutexGuard<'_, CallCounts> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event with the payload `name`.
    pub fn write(&self, key: u128, kind: &'static str, name: &str) {
        self.outbox.insert(Event::new(kind, Uuid::from_u128(key), name));
    }

    pub fn unpublished(&self) -> Vec<String> {
        let events = self.outbox.events().into_iter().filter(|(_, published)| !published);
        events.map(|(event, _)| text(&event.payload)).collect()
    }

    pub async fn wait(&self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }

    /// Starts a relay that has a topic for these types of events and publishes to `broker`.
    pub fn relay(&self, broker: &Broker, kinds: &[&'static str]) -> Running {
        self.reporting_relay(broker, kinds, |_| {})
    }

    /// Like [`relay`](Self::relay), with a report of refusals.
    pub fn reporting_relay(
        &self,
        broker: &Broker,
        kinds: &[&'static str],
        report: impl Fn(Option<&'static str>) + Send + Sync + 'static,
    ) -> Running {
        let topics = kinds.iter().map(|kind| (*kind, format!("topic of {kind}"))).collect();
        let (waker, stop) = (Waker::default(), CancellationToken::new());
        let relay = Relay::new("test", Arc::new(self.clone()), Arc::new(broker.clone()), topics, &waker);
        Running { waker, task: tokio::spawn(relay.reporting(report).run(stop.clone())), stop }
    }
}

#[async_trait]
impl Outbox for Counted {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.calls().leases += 1;
        self.process.call(self.outbox.lease(ttl)).await
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        self.process.call(self.outbox.release(epoch)).await
    }

    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>> {
        self.wait().await;
        self.process.call(self.outbox.unpublished(limit, besides)).await
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.wait().await;
        self.process.call(self.outbox.mark(epoch, ids)).await
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.process.call(self.outbox.set_aside(epoch, ids)).await
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<TakenBack> {
        self.calls().take_backs += 1;
        self.process.call(self.outbox.take_back(epoch, kinds, limit)).await
    }

    async fn backlog(&self) -> anyhow::Result<Backlog> {
        self.outbox.backlog().await
    }

    async fn notify(&self) -> anyhow::Result<()> {
        self.outbox.notify().await
    }

    async fn notified(&self) {
        self.outbox.notified().await;
    }
}

pub struct Running {
    pub waker: Waker,
    pub stop: CancellationToken,
    pub task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// The records that a broker refuses.
#[derive(Clone, Copy)]
pub enum Refuses {
    /// Refuses the topic of this event type, immediately.
    Topic(&'static str),
    /// Refuses records with this payload, immediately.
    Payload(&'static str),
    /// Refuses the records of this partition, one of three, after [`TIME_LIMIT`].
    Partition(u128),
}

/// A record of a partition without a leader fails after this time.
pub const TIME_LIMIT: Duration = Duration::from_millis(2_500);

/// A broker that acknowledges records after a delay and keeps them. It is unavailable to batches that exceed `room`.
#[derive(Clone, Default)]
pub struct Broker {
    pub records: Arc<Mutex<Vec<Record>>>,
    pub batches: Arc<AtomicUsize>,
    pub refuses: Arc<Mutex<Option<Refuses>>>,
    pub delay: Duration,
    pub room: Option<usize>,
    /// Why it refuses this client.
    pub reason: Option<&'static str>,
}

impl Broker {
    /// Refuses this from now on, or nothing.
    pub fn refuse(&self, what: Option<Refuses>) {
        *self.refuses.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    pub fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn batches(&self) -> usize {
        self.batches.load(Ordering::Relaxed)
    }

    /// Returns the names of the published events, in the order of publishing.
    pub fn published(&self) -> Vec<String> {
        self.records().iter().map(|record| text(&record.payload)).collect()
    }

    pub fn of_key(&self, key: u128) -> Vec<String> {
        let key = Uuid::from_u128(key).to_string().into_bytes();
        self.records().iter().filter(|record| record.key == key).map(|record| text(&record.payload)).collect()
    }

    /// Keeps the record, or returns the scope in which it is refused.
    async fn take(&self, record: &Record) -> Result<(), Scope> {
        let refuses = *self.refuses.lock().unwrap_or_else(PoisonError::into_inner);
        match refuses {
            Some(Refuses::Topic(kind)) if record.topic.ends_with(kind) => return Err(Scope::Topic),
            Some(Refuses::Payload(payload)) if record.payload == payload.as_bytes() => return Err(Scope::Record),
            Some(Refuses::Partition(partition)) if number(&record.key) % 3 == partition => {
                tokio::time::sleep(TIME_LIMIT).await;
                return Err(Scope::Record);
            }
            _ => {}
        }
        self.records().push(record.clone());
        Ok(())
    }
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        anyhow::bail!("a relay wants the outcome of each record")
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        tokio::time::sleep(self.delay).await;
        if self.room.is_some_and(|room| self.records().len() + records.len() > room) {
            return PublishOutcome::all_unavailable(records.len(), anyhow::anyhow!("no room"), None);
        }
        self.batches.fetch_add(1, Ordering::Relaxed);
        let results = in_order_of_keys(&records, |place| self.take(&records[place])).await;
        let outcome = |result| match result {
            Some(Ok(())) => PublishOutcome::Acknowledged,
            Some(Err(scope)) => {
                PublishOutcome::Refused(Refused { scope, error: anyhow::anyhow!("refused"), reason: self.reason })
            }
            None => PublishOutcome::NotSent,
        };
        results.into_iter().map(outcome).collect()
    }
}

fn number(key: &[u8]) -> u128 {
    Uuid::parse_str(&text(key)).expect("keys are UUIDs").as_u128()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
