//! A publisher for Kafka: idempotent, and acknowledged by all in-sync replicas.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use tokio::time::Instant;

use crate::{PublishOutcome, Publisher, Record, Refused, Scope, Unavailable, in_order_of_keys};

/// The time in which sending a record may begin, the time limit of a record, and that of the requests that follow
/// timeouts. Together they are shorter than what is left of the relay's lease.
const SEND_TIMEOUT: Duration = Duration::from_millis(1_000);
const MESSAGE_TIMEOUT: Duration = Duration::from_millis(1_500);
const METADATA_TIMEOUT: Duration = Duration::from_millis(500);
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

    /// Replaces the producer if a fatal error has made it unusable. Returns true if it was.
    fn replace_failed(&self) -> anyhow::Result<bool> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, reason)) = current.client().fatal_error() else { return Ok(false) };
        tracing::error!(reason, "Kafka producer failed, recreating");
        let failed = std::mem::replace(&mut *current, producer(&self.config)?);
        // The drop waits for the client's threads.
        tokio::task::spawn_blocking(move || drop(failed));
        Ok(true)
    }

    async fn outcomes(&self, records: &[Record]) -> Vec<PublishOutcome> {
        let producer = self.current();
        let until = Instant::now() + SEND_TIMEOUT;
        let send = |place: usize| deliver(&producer, &records[place], until);
        let mut results = in_order_of_keys(records, &send).await;
        // The broker refuses a whole request because of one record that is too large. So each record is sent again,
        // alone.
        let is_refused = |result: &Option<Result<(), Failure>>| matches!(result, Some(Err(Failure::Record(_))));
        let alone: Vec<usize> = (0..records.len()).filter(|place| is_refused(&results[*place])).collect();
        for place in alone {
            let again = send(place).await;
            if !matches!(again, Err(Failure::NotSent)) {
                results[place] = Some(again);
            }
        }
        let partitions = partitions_after_timeouts(&producer, records, &results).await;
        // Otherwise `replace_failed` would not drop the last handle of the producer.
        drop(producer);
        let has_failed = match self.replace_failed() {
            Ok(has_failed) => has_failed,
            Err(error) => return PublishOutcome::all_unavailable(records.len(), error, None),
        };
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
                // The broker responds, so the record's partition has no leader or too few in-sync replicas.
                Some(_) => refused(Scope::Record, error, record),
                None => unavailable(error, record),
            },
        };
        records.iter().zip(results).map(outcome).collect()
    }
}

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        let mut not_sent = 0;
        for outcome in self.outcomes(&records).await {
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
        self.outcomes(&records).await
    }
}

fn producer(config: &ClientConfig) -> anyhow::Result<FutureProducer> {
    config.create().context("creating a Kafka producer")
}

async fn deliver(producer: &FutureProducer, record: &Record, until: Instant) -> Result<(), Failure> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers =
        record.headers.iter().fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    let mut message = FutureRecord::to(&record.topic).key(&record.key).payload(&record.payload).headers(headers);
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
/// which the broker has responded.
async fn partitions_after_timeouts<'r>(
    producer: &FutureProducer,
    records: &'r [Record],
    results: &[Option<Result<(), Failure>>],
) -> HashMap<&'r str, usize> {
    let timed_out = records.iter().zip(results).filter(|(_, result)| matches!(result, Some(Err(Failure::TimedOut(_)))));
    let topics: HashSet<&str> = timed_out.map(|(record, _)| record.topic.as_str()).collect();
    let (mut partitions, until) = (HashMap::new(), Instant::now() + METADATA_TIMEOUT);
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
            AllBrokersDown, Authentication, BrokerTransportFailure, ClusterAuthorizationFailed, Fatal, InvalidTopic,
            MessageTimedOut, PolicyViolation, PurgeInflight, PurgeQueue, SSL, SaslAuthenticationFailed,
            TopicAuthorizationFailed, UnknownPartition, UnknownTopic, UnknownTopicOrPartition,
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
                | PurgeInflight
                | PurgeQueue
                | SSL
                | SaslAuthenticationFailed,
            )
            | None => Self::Unavailable(error),
            Some(_) => Self::Record(error),
        }
    }
}

/// Returns a short reason if the broker refuses this client.
fn reason(error: &KafkaError) -> Option<&'static str> {
    use RDKafkaErrorCode::{
        Authentication, ClusterAuthorizationFailed, SSL, SaslAuthenticationFailed, TopicAuthorizationFailed,
    };

    match error.rdkafka_error_code()? {
        Authentication | SaslAuthenticationFailed => Some("authentication failed"),
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
