//! Publishes records with an outcome for each: acknowledged, or failed because of its topic, itself or the broker.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use outbox::{PublishOutcome, Record, Refused, Scope, Unavailable, in_order_of_keys};
use rdkafka::{
    error::KafkaError,
    message::OwnedHeaders,
    producer::{FutureRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use tokio::time::Instant;

use super::{
    KafkaPublisher, KafkaRefusal,
    producer::{Producer, code, discard, headers, refused},
    topic_creator::is_unknown,
    topics::is_about_topic,
};

/// The time limit for creating missing topics. A broker that has just started may need seconds.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for the metadata of a topic whose record has timed out. Without a response in this time, the broker
/// is unavailable.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// The backoff before queueing a record again while the producer's queue is full.
const QUEUE_FULL_DELAY: Duration = Duration::from_millis(20);

enum Failure {
    TimedOut(anyhow::Error),
    /// The broker refuses a request of several records because of one.
    Record(anyhow::Error),
    Topic(anyhow::Error),
    Unavailable(anyhow::Error),
    /// The time limit passed before the record could be queued.
    NotSent,
}

struct Uncreated {
    refusal: Option<KafkaRefusal>,
    text: String,
}

impl Uncreated {
    fn error(&self) -> anyhow::Error {
        self.refusal.clone().map_or_else(|| anyhow::anyhow!(self.text.clone()), Into::into)
    }
}

impl Failure {
    fn new(error: KafkaError, topic: &str) -> Self {
        use RDKafkaErrorCode::{
            AllBrokersDown, BrokerTransportFailure, ClusterAuthorizationFailed, Fatal, InvalidTopic, MessageTimedOut,
            PolicyViolation, PurgeInflight, PurgeQueue, TopicAuthorizationFailed, UnknownPartition, UnknownTopic,
            UnknownTopicOrPartition,
        };

        let code = error.rdkafka_error_code();
        let error = refused(error, topic);
        match code {
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
                | BrokerTransportFailure
                | ClusterAuthorizationFailed
                | Fatal
                | PurgeInflight
                | PurgeQueue,
            )
            | None => Self::Unavailable(error),
            Some(_) if error.is::<KafkaRefusal>() => Self::Unavailable(error),
            Some(_) => Self::Record(error),
        }
    }

    /// Returns true if the failure is a response of the broker.
    fn is_response(&self) -> bool {
        match self {
            Self::Record(_) | Self::Topic(_) => true,
            Self::Unavailable(error) => error.is::<KafkaRefusal>(),
            Self::TimedOut(_) | Self::NotSent => false,
        }
    }
}

/// Returns the reason of a [`KafkaRefusal`].
fn reason(error: &anyhow::Error) -> Option<&'static str> {
    error.downcast_ref().map(KafkaRefusal::reason)
}

fn unavailable(error: anyhow::Error) -> PublishOutcome {
    PublishOutcome::Unavailable(Unavailable { reason: reason(&error), error })
}

fn all_unavailable(records: &[Record], error: anyhow::Error) -> Vec<PublishOutcome> {
    let reason = reason(&error);
    PublishOutcome::all_unavailable(records.len(), error, reason)
}

fn refusal(scope: Scope, error: anyhow::Error) -> PublishOutcome {
    PublishOutcome::Refused(Refused { scope, reason: reason(&error), error })
}

impl KafkaPublisher {
    pub(super) async fn outcomes(&self, records: &[Record]) -> Vec<PublishOutcome> {
        let limit = self.limit.unwrap_or(Self::RELAY_TIMEOUT);
        let (refused, producer) = match self.prepare(records).await {
            Ok(prepared) => prepared,
            Err(error) => return all_unavailable(records, error),
        };
        let results = self.deliver_all(&producer, records, &refused, Instant::now() + limit).await;
        let is_fatal = producer.client.client().fatal_error().is_some();
        if is_fatal && let Err(error) = self.replace_failed() {
            return all_unavailable(records, error);
        }
        let metadata = self.ask_after_timeouts(&producer, records, &results).await;
        let is_response = |result: &Result<(), Failure>| result.as_ref().err().is_none_or(Failure::is_response);
        let has_response = metadata.values().any(Option::is_some) || results.iter().flatten().any(is_response);
        if self.last_response.is_too_old(has_response)
            && let Err(error) = self.replace_silent(&producer)
        {
            return all_unavailable(records, error);
        }
        let outcome = |(record, result): (&Record, Option<Result<(), Failure>>)| match result {
            Some(Ok(())) => PublishOutcome::Acknowledged,
            None | Some(Err(Failure::NotSent)) => PublishOutcome::NotSent,
            Some(Err(Failure::Unavailable(error))) => unavailable(error),
            Some(Err(Failure::TimedOut(error) | Failure::Record(error) | Failure::Topic(error))) if is_fatal => {
                unavailable(error)
            }
            Some(Err(Failure::Record(error))) => refusal(Scope::Record, error),
            Some(Err(Failure::Topic(error))) => {
                if is_unknown(code(&error)) {
                    self.topics.forget(&record.topic);
                }
                refusal(Scope::Topic, error)
            }
            Some(Err(Failure::TimedOut(error))) => match metadata.get(record.topic.as_str()) {
                Some(Some(0)) => refusal(Scope::Topic, error),
                Some(Some(_)) => refusal(Scope::Record, error),
                _ => unavailable(error),
            },
        };
        records.iter().zip(results).map(outcome).collect()
    }

    async fn prepare<'r>(&self, records: &'r [Record]) -> anyhow::Result<(HashMap<&'r str, Uncreated>, Producer)> {
        let ensured = tokio::time::timeout(CREATE_TIMEOUT, self.ensure_each(records)).await;
        let refused = ensured.context("asking Kafka for topics")??;
        Ok((refused, self.trusting()?))
    }

    /// Creates missing topics. Returns the topics that the broker refuses, with the reason. Fails if the broker is
    /// unavailable.
    async fn ensure_each<'r>(&self, records: &'r [Record]) -> anyhow::Result<HashMap<&'r str, Uncreated>> {
        let topics: HashSet<&str> = records.iter().map(|record| record.topic.as_str()).collect();
        let mut refused = HashMap::new();
        for topic in topics {
            let Err(error) = self.topics.ensure([topic]).await else { continue };
            if !is_about_topic(&error) {
                return Err(error);
            }
            refused.insert(topic, Uncreated { refusal: error.downcast_ref().cloned(), text: format!("{error:#}") });
        }
        Ok(refused)
    }

    async fn deliver_all(
        &self,
        producer: &Producer,
        records: &[Record],
        refused: &HashMap<&str, Uncreated>,
        until: Instant,
    ) -> Vec<Option<Result<(), Failure>>> {
        // Builds all headers before the first record is queued, like `publish`.
        let prepared: Vec<_> = records.iter().map(|record| Mutex::new(Some(headers(record)))).collect();
        let send = |place: usize| {
            let (record, prepared) = (&records[place], &prepared[place]);
            async move {
                if let Some(uncreated) = refused.get(record.topic.as_str()) {
                    return Err(Failure::Topic(uncreated.error()));
                }
                let prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
                deliver(producer, record, prepared.unwrap_or_else(|| headers(record)), until).await
            }
        };
        let mut distrust = producer.distrust.clone();
        let mut results = tokio::select! {
            biased;
            results = in_order_of_keys(records, &send) => results,
            refusal = distrust.met() => {
                discard(producer);
                let mut results: Vec<_> = records.iter().map(|_| None).collect();
                if let Some(first) = results.first_mut() {
                    *first = Some(Err(Failure::Unavailable(refusal.into())));
                }
                return results;
            }
        };
        // The broker refuses a whole request because of one record that is too large. So each record is sent again,
        // alone.
        let is_refused = |result: &Option<Result<(), Failure>>| matches!(result, Some(Err(Failure::Record(_))));
        let alone: Vec<usize> = (0..records.len()).filter(|place| is_refused(&results[*place])).collect();
        for place in alone {
            results[place] = Some(send(place).await);
        }
        results
    }

    /// Requests the metadata of the topics whose records timed out. Returns the number of each topic's partitions, or
    /// `None` if the broker did not respond.
    async fn ask_after_timeouts<'r>(
        &self,
        producer: &Producer,
        records: &'r [Record],
        results: &[Option<Result<(), Failure>>],
    ) -> HashMap<&'r str, Option<usize>> {
        let timed_out =
            records.iter().zip(results).filter(|(_, result)| matches!(result, Some(Err(Failure::TimedOut(_)))));
        let mut topics: HashMap<&str, Option<usize>> =
            timed_out.map(|(record, _)| (record.topic.as_str(), None)).collect();
        for (topic, count) in &mut topics {
            let (client, asked) = (producer.client.clone(), (*topic).to_owned());
            let partitions = tokio::task::spawn_blocking(move || {
                let metadata = client.client().fetch_metadata(Some(&asked), METADATA_TIMEOUT)?;
                Ok::<_, KafkaError>(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
            });
            // If the broker does not respond, each further topic would take the whole time limit.
            let Ok(Ok(partitions)) = partitions.await else { break };
            *count = Some(partitions);
            // The topic was deleted. The next round creates it again.
            if partitions == 0 {
                self.topics.forget(topic);
            }
        }
        topics
    }
}

async fn deliver(producer: &Producer, record: &Record, headers: OwnedHeaders, until: Instant) -> Result<(), Failure> {
    let mut message = FutureRecord::to(&record.topic).key(&record.key).payload(&record.payload).headers(headers);
    let delivery = loop {
        if Instant::now() >= until {
            return Err(Failure::NotSent);
        }
        match producer.client.send_result(message) {
            Ok(delivery) => break delivery,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => message = returned,
            Err((error, _)) => return Err(Failure::new(error, &record.topic)),
        }
        tokio::time::sleep(QUEUE_FULL_DELAY).await;
    };
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(Failure::new(error, &record.topic)),
        Err(closed) => Err(Failure::Unavailable(closed.into())),
    }
}
