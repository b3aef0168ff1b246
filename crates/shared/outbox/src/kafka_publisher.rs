//! A publisher for Kafka: idempotent, and acknowledged by all in-sync replicas.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use rdkafka::{
    ClientConfig, ClientContext,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use tokio::time::Instant;

use crate::{PublishOutcome, Publisher, Record, Refused, Scope, Unavailable, in_order_of_keys};

/// Sending a record may begin within the first of these times; the second is the time limit of a record. Together with
/// half of the first, for the requests that follow timeouts, they are shorter than the rest of the relay's lease.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
const MESSAGE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The backoff before queueing a record again while the producer's queue is full.
const QUEUE_FULL_DELAY: Duration = Duration::from_millis(20);

/// Publishes to Kafka. Needs the feature `kafka`.
///
/// It does not create topics: records of a topic that does not exist, unless the broker creates it, are refused as
/// [`Scope::Topic`] and published once it exists.
pub struct KafkaPublisher {
    config: ClientConfig,
    /// Replaced after a fatal error.
    producer: RwLock<FutureProducer>,
}

enum Failure {
    TimedOut(KafkaError),
    Record(KafkaError),
    Topic(KafkaError),
    Unavailable(KafkaError),
    /// The time limit passed before the record could be queued.
    NotSent,
}

impl KafkaPublisher {
    /// Creates a publisher with librdkafka's settings, of which it needs `bootstrap.servers` and those for TLS and
    /// authentication. Sets `acks`, `enable.idempotence`, `linger.ms` and `message.timeout.ms`. Connects when the first
    /// record is published.
    ///
    /// # Errors
    ///
    /// Fails if a setting is unknown or invalid.
    pub fn new(config: &ClientConfig) -> anyhow::Result<Self> {
        let mut config = config.clone();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // A later record of a key waits for the acknowledgement of the earlier one.
            .set("linger.ms", "0")
            .set("message.timeout.ms", MESSAGE_TIMEOUT.as_millis().to_string());
        let producer = RwLock::new(producer(&config)?);
        Ok(Self { config, producer })
    }

    fn current(&self) -> FutureProducer {
        self.producer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the producer if a fatal error has made it unusable.
    fn replace_failed(&self) -> anyhow::Result<()> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, reason)) = current.client().fatal_error() else { return Ok(()) };
        tracing::error!(reason, "Kafka producer failed, recreating");
        let failed = std::mem::replace(&mut *current, producer(&self.config)?);
        // The drop waits for the client's threads.
        tokio::task::spawn_blocking(move || drop(failed));
        Ok(())
    }
}

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        let mut not_sent = 0;
        for outcome in self.publish_each(records).await {
            match outcome {
                PublishOutcome::Acknowledged => {}
                PublishOutcome::NotSent => not_sent += 1,
                PublishOutcome::Refused(Refused { error, .. })
                | PublishOutcome::Unavailable(Unavailable { error, .. }) => return Err(error),
            }
        }
        anyhow::ensure!(not_sent == 0, "{not_sent} records could not be sent within {SEND_TIMEOUT:?}");
        Ok(())
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let producer = self.current();
        let outcomes = send_each(&producer, &records, SEND_TIMEOUT).await;
        // Now the last handle is the one that is replaced.
        drop(producer);
        match self.replace_failed() {
            Ok(()) => outcomes,
            Err(error) => PublishOutcome::all_unavailable(records.len(), error, None),
        }
    }
}

fn producer(config: &ClientConfig) -> anyhow::Result<FutureProducer> {
    config.create().context("creating a Kafka producer")
}

/// Publishes the records with this producer, and returns the outcome of each, as [`KafkaPublisher`] does: for a
/// [`Publisher`] that creates its producers by itself, for example with a context that reads librdkafka's log. Needs
/// the feature `kafka`.
///
/// The producer needs the settings of [`KafkaPublisher::new`]. Sending a record may begin within `limit`; the record's
/// own time limit is the producer's `message.timeout.ms`; then requests for the metadata of topics whose records timed
/// out take half of `limit` at most. A record that timed out is refused if its topic does not exist or another record
/// is acknowledged. After a fatal error of the producer no record is refused, and the caller replaces the producer.
pub async fn send_each<C>(producer: &FutureProducer<C>, records: &[Record], limit: Duration) -> Vec<PublishOutcome>
where
    C: ClientContext + 'static,
{
    let until = Instant::now() + limit;
    // Builds all headers before the first record is queued. The client sends queued records at once, so records queued
    // in quick succession need fewer requests.
    let prepared: Vec<_> = records.iter().map(|record| Mutex::new(Some(Outgoing::from(record)))).collect();
    let send = |place: usize| {
        let (record, prepared) = (&records[place], &prepared[place]);
        async move {
            let prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
            deliver(producer, prepared.unwrap_or_else(|| record.into()), until).await
        }
    };
    let mut results = in_order_of_keys(records, &send).await;
    // The broker refuses a whole request because of one record that is too large. So each record is sent again, alone.
    let is_refused = |result: &Option<Result<(), Failure>>| matches!(result, Some(Err(Failure::Record(_))));
    let alone: Vec<usize> = (0..records.len()).filter(|place| is_refused(&results[*place])).collect();
    for place in alone {
        let again = send(place).await;
        if !matches!(again, Err(Failure::NotSent)) {
            results[place] = Some(again);
        }
    }
    let partitions = partitions_after_timeouts(producer, records, &results, limit / 2).await;
    let has_failed = producer.client().fatal_error().is_some();
    let has_acknowledged = results.iter().any(|result| matches!(result, Some(Ok(()))));
    let outcome = |(record, result): (&Record, Option<Result<(), Failure>>)| match result {
        Some(Ok(())) => PublishOutcome::Acknowledged,
        None | Some(Err(Failure::NotSent)) => PublishOutcome::NotSent,
        Some(Err(Failure::Unavailable(error))) => unavailable(error, record),
        Some(Err(Failure::TimedOut(error) | Failure::Record(error) | Failure::Topic(error))) if has_failed => {
            unavailable(error, record)
        }
        Some(Err(Failure::Record(error))) => refused(Scope::Record, error, record),
        Some(Err(Failure::Topic(error))) => refused(Scope::Topic, error, record),
        Some(Err(Failure::TimedOut(error))) => match partitions.get(record.topic.as_str()) {
            Some(0) => refused(Scope::Topic, error, record),
            // The broker takes other records, so this one's partition has no leader or too few in-sync replicas.
            Some(_) if has_acknowledged => refused(Scope::Record, error, record),
            // A broker that responds now may have been away until now.
            Some(_) | None => unavailable(error, record),
        },
    };
    records.iter().zip(results).map(outcome).collect()
}

/// A record as librdkafka's producer takes it.
type Outgoing<'r> = FutureRecord<'r, Vec<u8>, Vec<u8>>;

/// Needs the feature `kafka`.
impl<'r> From<&'r Record> for Outgoing<'r> {
    fn from(record: &'r Record) -> Self {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let headers =
            record.headers.iter().fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value) }));
        Self::to(&record.topic).key(&record.key).payload(&record.payload).headers(headers)
    }
}

async fn deliver<C>(producer: &FutureProducer<C>, mut message: Outgoing<'_>, until: Instant) -> Result<(), Failure>
where
    C: ClientContext + 'static,
{
    let delivery = loop {
        if Instant::now() >= until {
            return Err(Failure::NotSent);
        }
        match producer.send_result(message) {
            Ok(delivery) => break delivery,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => message = returned,
            Err((error, _)) => return Err(Failure::new(error)),
        }
        tokio::time::sleep(QUEUE_FULL_DELAY).await;
    };
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(Failure::new(error)),
        Err(_) => Err(Failure::Unavailable(KafkaError::Canceled)),
    }
}

/// Requests the metadata of the topics whose records timed out. Returns the number of partitions of each topic for
/// which the broker has responded within `limit`.
async fn partitions_after_timeouts<'r, C>(
    producer: &FutureProducer<C>,
    records: &'r [Record],
    results: &[Option<Result<(), Failure>>],
    limit: Duration,
) -> HashMap<&'r str, usize>
where
    C: ClientContext + 'static,
{
    let timed_out = records.iter().zip(results).filter(|(_, result)| matches!(result, Some(Err(Failure::TimedOut(_)))));
    let topics: HashSet<&str> = timed_out.map(|(record, _)| record.topic.as_str()).collect();
    let (mut partitions, until) = (HashMap::new(), Instant::now() + limit);
    for topic in topics {
        let (producer, asked) = (producer.clone(), topic.to_owned());
        let timeout = until.saturating_duration_since(Instant::now());
        let request = tokio::task::spawn_blocking(move || {
            let metadata = producer.client().fetch_metadata(Some(&asked), timeout)?;
            Ok::<_, KafkaError>(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
        });
        let Ok(Ok(count)) = request.await else { break };
        partitions.insert(topic, count);
    }
    partitions
}

impl Failure {
    fn new(error: KafkaError) -> Self {
        use RDKafkaErrorCode::{
            AllBrokersDown, Authentication, BrokerTransportFailure, ClusterAuthorizationFailed, Fatal,
            IllegalSASLState, InvalidTopic, MessageTimedOut, PolicyViolation, PurgeInflight, PurgeQueue, SSL,
            SaslAuthenticationFailed, TopicAuthorizationFailed, UnknownPartition, UnknownTopic,
            UnknownTopicOrPartition, UnsupportedSASLMechanism,
        };

        match error.rdkafka_error_code() {
            Some(MessageTimedOut) => Self::TimedOut(error),
            Some(
                TopicAuthorizationFailed
                | UnknownTopic
                | UnknownTopicOrPartition
                | UnknownPartition
                | InvalidTopic
                | PolicyViolation,
            ) => Self::Topic(error),
            Some(
                AllBrokersDown
                | Authentication
                | BrokerTransportFailure
                | ClusterAuthorizationFailed
                | Fatal
                | IllegalSASLState
                | PurgeInflight
                | PurgeQueue
                | SSL
                | SaslAuthenticationFailed
                | UnsupportedSASLMechanism,
            )
            | None => Self::Unavailable(error),
            Some(_) => Self::Record(error),
        }
    }
}

/// Returns a short reason if the broker refuses this client.
fn reason(error: &KafkaError) -> Option<&'static str> {
    use RDKafkaErrorCode::{
        Authentication, ClusterAuthorizationFailed, IllegalSASLState, SSL, SaslAuthenticationFailed,
        TopicAuthorizationFailed, UnsupportedSASLMechanism,
    };

    match error.rdkafka_error_code()? {
        Authentication | IllegalSASLState | SaslAuthenticationFailed | UnsupportedSASLMechanism => {
            Some("authentication failed")
        }
        ClusterAuthorizationFailed | TopicAuthorizationFailed => Some("not authorised"),
        SSL => Some("TLS failed"),
        _ => None,
    }
}

fn unavailable(error: KafkaError, record: &Record) -> PublishOutcome {
    PublishOutcome::Unavailable(Unavailable { reason: reason(&error), error: explained(error, record) })
}

fn refused(scope: Scope, error: KafkaError, record: &Record) -> PublishOutcome {
    PublishOutcome::Refused(Refused { scope, reason: reason(&error), error: explained(error, record) })
}

fn explained(error: KafkaError, record: &Record) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("writing to {}", record.topic))
}
