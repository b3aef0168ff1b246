//! Publishes records outside of a relay's rounds: either the broker acknowledges all records, or the call fails.

use anyhow::Context as _;
use rdkafka::{
    producer::{DeliveryFuture, FutureRecord},
    types::RDKafkaErrorCode,
};

use super::{
    KafkaPublisher,
    last_answer::MAX_SILENCE,
    producer::{Producer, code, discard, refused},
    topic_creator::is_unknown,
    topics::original_topic,
};

/// A record as librdkafka's producer takes it.
pub(super) type Outgoing<'r> = FutureRecord<'r, Vec<u8>, Vec<u8>>;

impl KafkaPublisher {
    /// Publishes records in order. Returns when the broker has acknowledged all of them.
    pub(super) async fn publish_all(&self, records: Vec<Outgoing<'_>>) -> anyhow::Result<()> {
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
        let is_answered = !outcome.as_ref().is_err_and(is_timeout);
        if self.last_answer.is_too_old(is_answered) {
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
        self.replace_unanswered(producer)
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
        delivered.map_err(|(error, _)| refused(error, topic)).context("publishing a record")?;
        Ok(())
    }
}

fn is_timeout(error: &anyhow::Error) -> bool {
    code(error) == Some(RDKafkaErrorCode::MessageTimedOut)
}
