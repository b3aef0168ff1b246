//! The producer: idempotent, waits for acknowledgements of all in-sync replicas, and by default retries a record for as long as the broker
//! answers.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, Producer as _, PurgeConfig},
    types::RDKafkaErrorCode,
};

use super::{
    Config, Refusal, TopicCreator,
    background_drop::drop_in_background,
    connection_errors::{Distrust, Witness},
    partitioner::Partitions,
    silence::Silence,
};

/// The number of rounds in a row without an answer after which a producer is replaced. A round of a relay takes 3 s.
const MAX_UNANSWERED_ROUNDS: u32 = 3;

/// A record to be produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    pub key: Vec<u8>,
    pub payload: Vec<u8>,
    pub headers: HashMap<String, String>,
}

/// The publisher of records to Kafka.
#[derive(Clone)]
pub struct KafkaPublisher {
    config: Config,
    /// Replaced after a fatal error.
    producer: Arc<RwLock<Producer>>,
    /// The time after which a record that is not acknowledged fails. With `None` it is retried for ever, and the caller
    /// gives up waiting.
    pub(super) limit: Option<Duration>,
    /// Creates the topics of the records. If one were missing, a broker would create it with the broker's own number of partitions.
    pub(super) topics: TopicCreator,
    pub(super) partitions: Partitions,
    /// The number of rounds in a row in which the broker answered nothing.
    unanswered: Arc<AtomicU32>,
    /// The time without an acknowledgement, for records that are published outside of rounds.
    pub(super) silence: Arc<Silence>,
}

#[derive(Clone)]
pub(super) struct Producer {
    pub client: FutureProducer<Witness>,
    pub distrust: Distrust,
}

impl KafkaPublisher {
    /// The time limit of a record that a relay publishes. Together with the request for metadata after it, it is shorter than what is left
    /// of the relay's lease.
    pub(super) const RELAY_TIMEOUT: Duration = Duration::from_secs(2);

    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Self::limited(config, None)
    }

    /// Creates a publisher whose calls fail after `limit`, for a caller that waits and retries by itself.
    pub fn within(config: &Config, limit: Duration) -> anyhow::Result<Self> {
        Self::limited(config, Some(limit))
    }

    /// Creates the publisher of a relay. A record that is not acknowledged in time fails, and the relay publishes it later. With
    /// [`new`](Self::new), one record could hold up the relay for ever.
    pub fn for_relay(config: &Config) -> anyhow::Result<Self> {
        Self::limited(config, Some(Self::RELAY_TIMEOUT))
    }

    fn limited(config: &Config, limit: Option<Duration>) -> anyhow::Result<Self> {
        let producer = Arc::new(RwLock::new(producer(config, limit)?));
        Ok(Self {
            config: config.clone(),
            producer,
            limit,
            topics: TopicCreator::new(config),
            partitions: Partitions::default(),
            unanswered: Arc::default(),
            silence: Arc::default(),
        })
    }

    /// Makes the publisher create topics together with those that are declared with [`TopicCreator::expect`].
    #[must_use]
    pub fn creating(self, topics: &TopicCreator) -> Self {
        Self { topics: topics.clone(), ..self }
    }
}

fn producer(config: &Config, limit: Option<Duration>) -> anyhow::Result<Producer> {
    let mut client = config.client();
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // 0 means no limit. A record dropped between two records of the same key would break their order.
        .set("message.timeout.ms", limit.unwrap_or_default().as_millis().to_string())
        .set("linger.ms", "0")
        // Large enough for dead letters of twice the broker's default message size, and small enough for the memory of a small container.
        .set("message.max.bytes", "4000000")
        .set("queue.buffering.max.kbytes", "16384");
    let (witness, distrust) = Witness::new();
    let client = client.create_with_context(witness).context("creating a Kafka producer")?;
    Ok(Producer { client, distrust })
}

/// Discards the records that are not delivered.
pub(super) fn discard(producer: &Producer) {
    producer.client.purge(PurgeConfig::default().queue().inflight());
}

pub(super) fn headers(record: &Record) -> OwnedHeaders {
    record.headers.iter().fold(OwnedHeaders::new_with_capacity(record.headers.len()), |all, (key, value)| {
        all.insert(Header { key, value: Some(value) })
    })
}

pub(super) fn refused(error: KafkaError, topic: &str) -> anyhow::Error {
    Refusal::from_error(&error, &format!("writing to {topic}"), || None).map_or_else(|| error.into(), Into::into)
}

/// Returns true if publishing failed because a record exceeds the size limit of the producer or of the topic.
pub fn is_too_large(error: &anyhow::Error) -> bool {
    code(error) == Some(RDKafkaErrorCode::MessageSizeTooLarge)
}

pub(super) fn code(error: &anyhow::Error) -> Option<RDKafkaErrorCode> {
    error.downcast_ref::<KafkaError>().and_then(KafkaError::rdkafka_error_code)
}

impl KafkaPublisher {
    pub(super) fn current(&self) -> Producer {
        self.producer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the producer if it had a fatal error and cannot publish any more.
    pub(super) fn replace_failed(&self) -> anyhow::Result<()> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, reason)) = current.client.client().fatal_error() else { return Ok(()) };
        tracing::error!(reason, "Kafka producer failed, recreating");
        let failed = std::mem::replace(&mut *current, producer(&self.config, self.limit)?);
        drop_in_background(failed);
        Ok(())
    }

    /// Returns the current producer, or a new one if the current one did not trust a broker's certificate. A producer reads the authorities
    /// only when it is created.
    pub(super) fn trusting(&self) -> anyhow::Result<Producer> {
        let producer = self.current();
        if producer.distrust.is_met() {
            self.replace(&producer)?;
        }
        Ok(self.current())
    }

    /// Records whether the broker answered anything in a round. Creates a new producer after [`MAX_UNANSWERED_ROUNDS`] rounds in a row
    /// without an answer: librdkafka forgets all brokers for good if one of them lists none, which a broker does after it was frozen until
    /// the cluster fenced it (<https://github.com/confluentinc/librdkafka/issues/5301>).
    pub(super) fn round_ended(&self, producer: &Producer, is_answered: bool) -> anyhow::Result<()> {
        if is_answered {
            self.unanswered.store(0, Ordering::Relaxed);
        } else if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_UNANSWERED_ROUNDS {
            self.unanswered.store(0, Ordering::Relaxed);
            self.replace_unanswered(producer)?;
        }
        Ok(())
    }

    pub(super) fn replace_unanswered(&self, producer: &Producer) -> anyhow::Result<()> {
        tracing::warn!("Kafka producer timed out, recreating");
        self.replace(producer)
    }

    /// Discards the undelivered records of `given_up` and creates a new producer, unless it has been replaced already.
    fn replace(&self, given_up: &Producer) -> anyhow::Result<()> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        if current.distrust.is(&given_up.distrust) {
            discard(given_up);
            let given_up = std::mem::replace(&mut *current, producer(&self.config, self.limit)?);
            drop_in_background(given_up);
        }
        Ok(())
    }
}
