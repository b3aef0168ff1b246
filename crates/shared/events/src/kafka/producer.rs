//! The Kafka producer: idempotent, waits for acknowledgements of all in-sync replicas, and by default retries a record
//! without a time limit. It is the outbox's [`Publisher`]. Outside of a relay's rounds, either the broker acknowledges
//! all records, or the call fails.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use outbox::{PublishOutcome, Publisher, Record};
use rdkafka::{
    error::KafkaError,
    message::OwnedHeaders,
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig},
    types::RDKafkaErrorCode,
};

use super::{
    Config, ExactRecord, KafkaRefusal, TopicCreator,
    close::drop_in_background,
    connection_errors::{Distrust, Witness},
    last_response::{LastResponse, MAX_SILENCE},
    topic_creator::is_unknown,
    topics::original_topic,
};

#[derive(Clone)]
pub struct KafkaPublisher {
    config: Config,
    /// Replaced after a fatal error.
    producer: Arc<RwLock<Producer>>,
    /// An unacknowledged record fails after this time. With `None` the producer retries it without a time limit, and
    /// the caller limits its own wait.
    pub(super) limit: Option<Duration>,
    /// Creates the topics of the records before they are sent. Otherwise the broker would create them with its own
    /// number of partitions.
    pub(super) topics: TopicCreator,
    pub(super) last_response: Arc<LastResponse>,
}

/// A record as librdkafka's producer takes it.
type Outgoing<'r> = FutureRecord<'r, Vec<u8>, Vec<u8>>;

#[derive(Clone)]
pub(super) struct Producer {
    pub client: FutureProducer<Witness>,
    pub distrust: Distrust,
}

impl KafkaPublisher {
    /// The time limit of a record that a relay publishes. Together with half of it, for the metadata requests that
    /// follow, it is shorter than the rest of the relay's lease.
    pub(super) const RELAY_TIMEOUT: Duration = Duration::from_secs(2);

    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Self::limited(config, None)
    }

    /// Creates a publisher whose calls fail after `limit`, for a caller that retries by itself.
    pub fn within(config: &Config, limit: Duration) -> anyhow::Result<Self> {
        Self::limited(config, Some(limit))
    }

    /// Creates the publisher of a relay. A record that is not acknowledged in time fails, and the relay publishes it
    /// later. With [`new`](Self::new), one record could block the relay permanently.
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
            last_response: Arc::default(),
        })
    }

    /// Makes the publisher create its topics together with those declared with [`TopicCreator::expect`].
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
        // 0 means no limit: dropping a record between two others of its key would break their order.
        .set("message.timeout.ms", limit.unwrap_or_default().as_millis().to_string())
        .set("linger.ms", "0")
        // Accepts dead letters of twice the broker's default message size, and fits into the memory of a small
        // container.
        .set("message.max.bytes", "4000000")
        .set("queue.buffering.max.kbytes", "16384");
    let (witness, distrust) = Witness::new();
    let client = client.create_with_context(witness).context("creating a Kafka producer")?;
    Ok(Producer { client, distrust })
}

/// Discards undelivered records.
pub(super) fn discard(producer: &Producer) {
    producer.client.purge(PurgeConfig::default().queue().inflight());
}

/// Returns the refusal that an error of librdkafka stands for; other errors stay as they are.
pub(super) fn refused(error: anyhow::Error, topic: &str) -> anyhow::Error {
    let refusal = |error| KafkaRefusal::from_error(error, &format!("writing to {topic}"), || None);
    error.downcast_ref().and_then(refusal).map_or(error, Into::into)
}

/// Returns true if a record exceeds the size limit of the producer or of the topic.
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

    /// Replaces the producer if a fatal error has made it unusable.
    pub(super) fn replace_failed(&self) -> anyhow::Result<()> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, reason)) = current.client.client().fatal_error() else { return Ok(()) };
        tracing::error!(reason, "Kafka producer failed, recreating");
        let failed = std::mem::replace(&mut *current, producer(&self.config, self.limit)?);
        drop_in_background(failed);
        Ok(())
    }

    /// Returns the current producer, or a new one if the current one did not trust a broker's certificate. A producer
    /// reads the file of authorities only when it is created.
    pub(super) fn trusting(&self) -> anyhow::Result<Producer> {
        let producer = self.current();
        if producer.distrust.is_met() {
            self.replace(&producer)?;
        }
        Ok(self.current())
    }

    pub(super) fn replace_silent(&self, producer: &Producer) -> anyhow::Result<()> {
        tracing::warn!("Kafka producer timed out, recreating");
        self.replace(producer)
    }

    /// Replaces the producer `given_up` and discards its records, unless it was replaced already.
    fn replace(&self, given_up: &Producer) -> anyhow::Result<()> {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        if current.distrust.is(&given_up.distrust) {
            discard(given_up);
            let given_up = std::mem::replace(&mut *current, producer(&self.config, self.limit)?);
            drop_in_background(given_up);
        }
        Ok(())
    }

    /// Publishes the record, and returns when the broker has acknowledged it.
    ///
    /// # Errors
    ///
    /// Like [`publish`](Publisher::publish).
    pub async fn publish_exact(&self, record: &ExactRecord) -> anyhow::Result<()> {
        let mut outgoing = Outgoing::to(&record.topic);
        outgoing.key = record.key.as_ref();
        outgoing.payload = record.payload.as_ref();
        if !record.headers.is_empty() {
            outgoing = outgoing.headers(OwnedHeaders::from(&record.headers));
        }
        self.publish_all(vec![outgoing]).await
    }

    /// Publishes records in order. Returns when the broker has acknowledged all of them.
    async fn publish_all(&self, records: Vec<Outgoing<'_>>) -> anyhow::Result<()> {
        let topics: Vec<&str> = records.iter().map(|record| record.topic).collect();
        // At a timeout here, no record has been sent yet, but some topics may have been created.
        match self.limit {
            Some(limit) => {
                tokio::time::timeout(limit, self.ensure(&topics)).await.context("asking Kafka for topics")??;
            }
            None => self.ensure(&topics).await?,
        }
        let producer = self.current();
        let outcome = self.send(records).await;
        if let Err(error) = &outcome {
            if is_unknown(code(error)) {
                self.forget(&topics);
            }
            self.replace_failed()?;
        }
        let has_response = !outcome.as_ref().is_err_and(is_timeout);
        if self.last_response.is_too_old(has_response) {
            self.give_up(&producer, &topics)?;
        }
        outcome
    }

    /// Creates missing topics. A dead-letter topic is created together with its original topic.
    async fn ensure(&self, topics: &[&str]) -> anyhow::Result<()> {
        let origins: Vec<&str> = topics.iter().copied().map(original_topic).collect();
        self.topics.ensure(origins).await
    }

    /// Makes the next call create these topics again if they were deleted.
    fn forget(&self, topics: &[&str]) {
        for topic in topics {
            self.topics.forget(original_topic(topic));
        }
    }

    /// Replaces a producer after records of these topics were not acknowledged, and forgets the topics, which may have
    /// been deleted: librdkafka reports a topic as unknown only after 30 s (`topic.metadata.propagation.max.ms`).
    fn give_up(&self, producer: &Producer, topics: &[&str]) -> anyhow::Result<()> {
        self.forget(topics);
        self.replace_silent(producer)
    }

    async fn send(&self, records: Vec<Outgoing<'_>>) -> anyhow::Result<()> {
        let mut producer = self.trusting()?;
        // Queues all records in order before it awaits the first delivery.
        let mut deliveries = Vec::with_capacity(records.len());
        for record in records {
            let topic = record.topic;
            let delivery =
                producer.client.send_result(record).map_err(|(error, _)| error).context("queueing a record")?;
            deliveries.push((delivery, topic));
        }
        for (delivery, topic) in deliveries {
            let delivered = producer.delivered(delivery, topic);
            // The caller retries with the new producer.
            let Ok(delivered) = tokio::time::timeout(MAX_SILENCE, delivered).await else {
                self.give_up(&producer, &[topic])?;
                anyhow::bail!("Kafka has not acknowledged a record of {topic} for {MAX_SILENCE:?}");
            };
            delivered?;
        }
        Ok(())
    }
}

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        // Builds all headers before the first record is queued, as `send_each` does.
        self.publish_all(records.iter().map(Outgoing::from).collect()).await
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        self.outcomes(records).await
    }
}

impl Producer {
    async fn delivered(&mut self, delivery: DeliveryFuture, topic: &str) -> anyhow::Result<()> {
        let delivered = tokio::select! {
            biased;
            delivered = delivery => delivered.context("the producer was closed")?,
            refusal = self.distrust.met() => {
                // The next call creates another producer, which reads the authorities again.
                discard(self);
                return Err(refusal.into());
            }
        };
        delivered.map_err(|(error, _)| refused(error.into(), topic)).context("publishing a record")?;
        Ok(())
    }
}

pub(super) fn is_timeout(error: &anyhow::Error) -> bool {
    code(error) == Some(RDKafkaErrorCode::MessageTimedOut)
}
