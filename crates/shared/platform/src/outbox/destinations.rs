//! The destinations that do not accept events: topics, partitions and keys that are set aside. The relay retries one
//! record of each with a growing backoff, independently of the other events.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use super::{Outcome, Publisher, Refused, Scope, metrics::Metrics};
use crate::kafka::{Record, Refusal};

/// The maximum number of destinations that are set aside at a time, each with a record in memory. Beyond it, a refused
/// event is retried whenever the relay examines the rows that are set aside.
const MAX_SET_ASIDE: usize = 100;
/// The pause before the first retry. It doubles with each further failure, up to [`MAX_RETRY_DELAY`].
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Destination {
    Topic(String),
    Partition(String, i32),
    Key(Vec<u8>),
}

impl Destination {
    fn new(scope: Scope, record: &Record) -> Self {
        match scope {
            Scope::Topic => Self::Topic(record.topic.clone()),
            Scope::Partition(partition) => Self::Partition(record.topic.clone(), partition),
            Scope::Record => Self::Key(record.key.clone()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(_) => f.write_str("the topic"),
            Self::Partition(_, partition) => write!(f, "partition {partition}"),
            Self::Key(key) => write!(f, "key {}", String::from_utf8_lossy(key)),
        }
    }
}

/// The first event that a destination refused.
struct SetAside {
    row: i64,
    record: Record,
    failures: u32,
    retry_at: Instant,
    /// Why the broker refuses this client; `None` if it does not.
    refusal: Option<&'static str>,
}

/// The destinations that are set aside while this relay holds the lease in one epoch.
#[derive(Default)]
pub struct Destinations {
    epoch: Option<i64>,
    set_aside: BTreeMap<Destination, SetAside>,
    /// At most one task, which retries all due records.
    retries: JoinSet<Vec<(Destination, Outcome)>>,
    retried: Vec<(Destination, Outcome)>,
}

impl Destinations {
    /// Forgets all destinations if `epoch` has changed, since another relay may have published their events. Returns
    /// true if there were any.
    pub fn begin_epoch(&mut self, epoch: Option<i64>, metrics: &Metrics) -> bool {
        if self.epoch == epoch {
            return false;
        }
        let before = std::mem::replace(self, Self { epoch, ..Self::default() });
        before.set_aside.values().for_each(|set_aside| self.export(&set_aside.record.topic, metrics));
        !before.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.set_aside.is_empty()
    }

    /// Returns true if the event's topic, partition or key is set aside.
    pub fn hold_back(&self, publisher: &dyn Publisher, topic: &str, key: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        let has = |destination| self.set_aside.contains_key(&destination);
        let partition = publisher.partition(topic, key);
        has(Destination::Topic(topic.to_owned()))
            || has(Destination::Key(key.to_vec()))
            || partition.is_some_and(|partition| has(Destination::Partition(topic.to_owned(), partition)))
    }

    /// Returns the topics that are set aside as a whole.
    pub fn topics(&self) -> HashSet<&str> {
        let topics = self.set_aside.keys().filter_map(|destination| match destination {
            Destination::Topic(topic) => Some(topic.as_str()),
            Destination::Partition(..) | Destination::Key(_) => None,
        });
        topics.collect()
    }

    /// Returns why the broker refuses this client a topic; `None` if it does not.
    pub fn refusal(&self) -> Option<&'static str> {
        self.set_aside.values().find_map(|set_aside| set_aside.refusal)
    }

    /// Sets aside the destination that refused this row's record.
    pub fn set_aside(&mut self, row: i64, record: &Record, refused: &Refused, metrics: &Metrics) {
        metrics.refused(&record.topic);
        let destination = Destination::new(refused.scope, record);
        if !self.set_aside.contains_key(&destination) {
            self.insert(destination, SetAside::new(row, record.clone(), 1, refused), refused, metrics);
        }
    }

    fn insert(&mut self, destination: Destination, set_aside: SetAside, refused: &Refused, metrics: &Metrics) {
        if self.set_aside.len() >= MAX_SET_ASIDE {
            return;
        }
        let topic = set_aside.record.topic.clone();
        tracing::warn!(
            topic,
            set_aside = %destination,
            error = format!("{:#}", refused.error),
            "events are refused and set aside, retrying"
        );
        self.set_aside.insert(destination, set_aside);
        self.export(&topic, metrics);
    }

    fn export(&self, topic: &str, metrics: &Metrics) {
        let of_topic = self.set_aside.values().filter(|set_aside| set_aside.record.topic == topic);
        metrics.destinations_set_aside(topic, of_topic.count());
    }

    /// Starts to publish the records that are due, unless earlier retries are still running or their outcomes not
    /// evaluated.
    pub fn retry(&mut self, publisher: &Arc<dyn Publisher>) {
        if !self.retries.is_empty() || !self.retried.is_empty() {
            return;
        }
        let now = Instant::now();
        let due = self.set_aside.iter().filter(|(_, set_aside)| set_aside.retry_at <= now);
        let (due, records): (Vec<_>, Vec<_>) =
            due.map(|(destination, set_aside)| (destination.clone(), set_aside.record.clone())).unzip();
        if due.is_empty() {
            return;
        }
        let publisher = publisher.clone();
        self.retries.spawn(async move {
            let outcomes = publisher.publish_each(&records).await;
            due.into_iter().zip(outcomes).collect()
        });
    }

    /// Returns once the running retries have ended; never without retries.
    pub async fn ended(&mut self) {
        match self.retries.join_next().await {
            Some(retried) => self.retried = retried.unwrap_or_default(),
            None => std::future::pending().await,
        }
    }

    /// Returns the rows whose records were acknowledged since the last call, and stops setting their destinations
    /// aside. Other records are retried later.
    pub fn accepted(&mut self, metrics: &Metrics) -> Vec<i64> {
        if let Some(Ok(retried)) = self.retries.try_join_next() {
            self.retried = retried;
        }
        let mut rows = Vec::new();
        for (destination, outcome) in std::mem::take(&mut self.retried) {
            let Some(mut set_aside) = self.set_aside.remove(&destination) else { continue };
            match outcome {
                Outcome::Acknowledged => {
                    let topic = &set_aside.record.topic;
                    tracing::info!(topic, accepted = %destination, "events are accepted again");
                    self.export(topic, metrics);
                    rows.push(set_aside.row);
                }
                // The scope may have changed, and with it the waiting events.
                Outcome::Refused(refused) => {
                    metrics.refused(&set_aside.record.topic);
                    let now = Destination::new(refused.scope, &set_aside.record);
                    let again = SetAside::new(set_aside.row, set_aside.record, set_aside.failures + 1, &refused);
                    if now == destination {
                        self.set_aside.insert(destination, again);
                    } else {
                        self.insert(now, again, &refused, metrics);
                    }
                }
                Outcome::NotSent | Outcome::Unavailable(_) => {
                    set_aside.retry_at = Instant::now() + pause(set_aside.failures);
                    self.set_aside.insert(destination, set_aside);
                }
            }
        }
        rows
    }
}

impl SetAside {
    fn new(row: i64, record: Record, failures: u32, refused: &Refused) -> Self {
        let refusal = refused.error.downcast_ref::<Refusal>().map(Refusal::reason);
        Self { row, record, failures, retry_at: Instant::now() + pause(failures), refusal }
    }
}

fn pause(failures: u32) -> Duration {
    FIRST_RETRY_DELAY.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MAX_RETRY_DELAY)
}
