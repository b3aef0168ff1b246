//! Publishes one batch of an outbox: reads rows, sends their records, marks the acknowledged rows and sets aside those
//! that cannot be published.
//!
//! A topic that the broker has just refused is not tried before its retry is due, since a try may take seconds; until
//! then its events are set aside unsent. Only the time of the retry is in memory, all else in the table.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use chrono::SecondsFormat;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    HEADER_CONTENT_TYPE, HEADER_EVENT_TIME, HEADER_EVENT_TYPE, HEADER_EVENT_UUID, PublishOutcome, Record, Refused,
    Relay, Scope, Unavailable, Unpublished, metrics::Metrics,
};

const BATCH_SIZE: i64 = 500;

/// The rows that a relay keeps between two full batches. After a failure they are dropped and read again.
#[derive(Default)]
pub struct InHand {
    /// Acknowledged rows that are not marked as published yet.
    unmarked: Vec<i64>,
    /// The rows of the next batch, read while the previous batch was published.
    next: Vec<Unpublished>,
}

impl InHand {
    pub fn has_next(&self) -> bool {
        !self.next.is_empty()
    }
}

/// The size of the batch that was published last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    Empty,
    /// All remaining rows, with their number.
    Part(u32),
    /// More rows may be left.
    Full,
}

/// Why a batch or a round of the relay failed.
pub struct Failure {
    pub error: anyhow::Error,
    /// A short reason if the broker refuses this client.
    pub reason: Option<&'static str>,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, reason: None }
    }
}

impl From<Unavailable> for Failure {
    fn from(Unavailable { error, reason }: Unavailable) -> Self {
        Self { error, reason }
    }
}

/// An event whose record is sent.
struct Sent<'t> {
    id: i64,
    key: Uuid,
    topic: &'t str,
}

fn record(topic: String, row: Unpublished, content_type: &str) -> Record {
    let mut headers = row.trace;
    headers.extend([
        (HEADER_EVENT_UUID.to_owned(), row.event_uuid.to_string()),
        (HEADER_EVENT_TYPE.to_owned(), row.event_type),
        (HEADER_CONTENT_TYPE.to_owned(), content_type.to_owned()),
        (HEADER_EVENT_TIME.to_owned(), row.written.to_rfc3339_opts(SecondsFormat::Micros, true)),
    ]);
    Record { topic, key: row.key.to_string().into_bytes(), payload: row.payload, headers }
}

impl Relay {
    /// Publishes one batch. During a full batch, it marks the previous one and reads the next one.
    pub(super) async fn publish(
        &self,
        epoch: i64,
        in_hand: &mut InHand,
        refused_topics: &mut RefusedTopics,
        metrics: &Metrics,
    ) -> Result<Batch, Failure> {
        let InHand { unmarked, next } = std::mem::take(in_hand);
        let rows = if next.is_empty() { self.outbox.unpublished(BATCH_SIZE, &unmarked).await? } else { next };
        let batch = match u32::try_from(rows.len()) {
            Ok(0) => Batch::Empty,
            Ok(count) if i64::from(count) < BATCH_SIZE => Batch::Part(count),
            _ => Batch::Full,
        };
        let (ready, aside) = self.sort(rows, refused_topics);
        if !aside.is_empty() {
            // Sets these rows aside before the next batch is read, because that batch may have later rows of the same
            // keys.
            self.outbox.set_aside(epoch, &aside.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
            metrics.set_aside(&aside);
        }
        let to_record = |row: Unpublished| {
            let topic = self.topics.get(row.event_type.as_str())?;
            let sent = Sent { id: row.id, key: row.key, topic };
            Some((sent, record(topic.clone(), row, self.content_type)))
        };
        let (sent, records): (Vec<Sent<'_>>, Vec<Record>) = ready.into_iter().filter_map(to_record).unzip();
        let ids: Vec<i64> = sent.iter().map(|sent| sent.id).collect();
        // `join!` waits for all three, so that one failure does not lose the others' results.
        let (outcomes, marked, read) = tokio::join!(self.send(records), self.mark(epoch, &unmarked), async {
            if batch != Batch::Full {
                return Ok(Vec::new());
            }
            let under_way = [&unmarked[..], &ids].concat();
            self.outbox.unpublished(BATCH_SIZE, &under_way).await
        });
        if !outcomes.iter().all(|outcome| matches!(outcome, PublishOutcome::Acknowledged)) {
            marked?;
            // Drops the rows of the next batch, since they may have later events of the keys that failed.
            return self.failed(epoch, &sent, outcomes, refused_topics, metrics).await.map(|()| Batch::Full);
        }
        for Sent { topic, .. } in sent {
            refused_topics.accepted(topic);
        }
        Metrics::published(ids.len());
        marked?;
        let next = read?;
        if next.is_empty() {
            self.mark(epoch, &ids).await?;
        } else {
            *in_hand = InHand { unmarked: ids, next };
        }
        Ok(batch)
    }

    /// Marks the acknowledged rows, and sets aside the refused rows with the later rows of the same keys. Fails if the
    /// broker is unavailable.
    async fn failed(
        &self,
        epoch: i64,
        sent: &[Sent<'_>],
        outcomes: Vec<PublishOutcome>,
        refused_topics: &mut RefusedTopics,
        metrics: &Metrics,
    ) -> Result<(), Failure> {
        let (mut acknowledged, mut aside, mut unavailable) = (Vec::new(), Vec::new(), None);
        let mut held_back: HashSet<Uuid> = HashSet::new();
        for (Sent { id, key, topic }, outcome) in sent.iter().zip(outcomes) {
            match outcome {
                PublishOutcome::Acknowledged => {
                    refused_topics.accepted(topic);
                    acknowledged.push(*id);
                }
                PublishOutcome::Refused(refused) => {
                    metrics.refused(topic, *key, &refused);
                    match refused.scope {
                        Scope::Topic => refused_topics.add(topic, &refused),
                        Scope::Record => refused_topics.refused_a_key = true,
                    }
                    held_back.insert(*key);
                    aside.push(*id);
                }
                PublishOutcome::NotSent if held_back.contains(key) => aside.push(*id),
                PublishOutcome::NotSent => {}
                PublishOutcome::Unavailable(error) => unavailable = unavailable.or(Some(error)),
            }
        }
        Metrics::published(acknowledged.len());
        self.mark(epoch, &acknowledged).await?;
        if !aside.is_empty() {
            self.outbox.set_aside(epoch, &aside).await?;
            metrics.count_set_aside(aside.len());
        }
        unavailable.map_or(Ok(()), |unavailable| Err(unavailable.into()))
    }

    async fn send(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        if records.is_empty() { Vec::new() } else { self.publisher.publish_each(records).await }
    }

    pub(super) async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        if ids.is_empty() { Ok(()) } else { self.outbox.mark(epoch, ids).await }
    }

    /// Splits rows into those that can be published now and those to set aside: rows without a topic, rows whose topic
    /// waits for its retry, and later rows of their keys.
    fn sort(&self, rows: Vec<Unpublished>, refused: &RefusedTopics) -> (Vec<Unpublished>, Vec<Unpublished>) {
        let mut held_back: HashSet<Uuid> = HashSet::new();
        rows.into_iter().partition(|row| {
            let topic = self.topics.get(row.event_type.as_str());
            let ready = !row.is_behind
                && !held_back.contains(&row.key)
                && topic.is_some_and(|topic| !refused.is_waiting(topic));
            if !ready {
                held_back.insert(row.key);
            }
            ready
        })
    }
}

/// How long a refused topic is not tried again. It is shorter than the delay between two scans of the rows that are set
/// aside, so that each scan tries the topic.
const RETRY_DELAY: Duration = Duration::from_secs(4);

#[derive(Default)]
pub struct RefusedTopics {
    topics: BTreeMap<String, RefusedTopic>,
    /// True if the broker has refused a single event, not its topic, since the last scan of the rows that are set
    /// aside.
    pub refused_a_key: bool,
}

struct RefusedTopic {
    retry_at: Instant,
    /// Why the broker refuses this client; `None` if it does not.
    reason: Option<&'static str>,
}

impl RefusedTopics {
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub fn add(&mut self, topic: &str, refused: &Refused) {
        let retried = RefusedTopic { retry_at: Instant::now() + RETRY_DELAY, reason: refused.reason };
        if self.topics.insert(topic.to_owned(), retried).is_none() {
            tracing::warn!(topic, error = format!("{:#}", refused.error), "events are refused and set aside, retrying");
        }
    }

    pub fn accepted(&mut self, topic: &str) {
        if self.topics.remove(topic).is_some() {
            tracing::info!(topic, "events are accepted again");
        }
    }

    /// Returns true if events of the topic must not be sent yet.
    pub fn is_waiting(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some_and(|refused| Instant::now() < refused.retry_at)
    }

    /// Returns why the broker refuses this client a topic; `None` if it does not.
    pub fn reason(&self) -> Option<&'static str> {
        self.topics.values().find_map(|refused| refused.reason)
    }

    /// Forgets the topics that may be tried again, once no event of them is left: an operator may have deleted it.
    pub fn forget_due(&mut self) {
        let now = Instant::now();
        self.topics.retain(|_, refused| now < refused.retry_at);
    }
}
