//! Publishes the records of a relay's batch with [`send_each`]. Creates their topics before, and afterwards replaces a
//! producer to which the broker no longer responds.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::Context as _;
use outbox::{PublishOutcome, Record, Refused, Scope, Unavailable, send_each};

use super::{
    KafkaPublisher, KafkaRefusal,
    producer::{code, discard, is_timeout, refused},
    topic_creator::is_unknown,
    topics::is_about_topic,
};

/// The time limit for creating missing topics. A broker that has just started may need seconds.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the broker does not create a topic.
struct Uncreated {
    reason: Option<&'static str>,
    text: String,
}

/// Returns the reason of a [`KafkaRefusal`].
fn reason(error: &anyhow::Error) -> Option<&'static str> {
    error.downcast_ref().map(KafkaRefusal::reason)
}

fn all_unavailable(count: usize, error: anyhow::Error) -> Vec<PublishOutcome> {
    let reason = reason(&error);
    PublishOutcome::all_unavailable(count, error, reason)
}

impl KafkaPublisher {
    pub(super) async fn outcomes(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let count = records.len();
        self.try_each(records).await.unwrap_or_else(|error| all_unavailable(count, error))
    }

    async fn try_each(&self, records: Vec<Record>) -> anyhow::Result<Vec<PublishOutcome>> {
        let ensured = tokio::time::timeout(CREATE_TIMEOUT, self.ensure_each(&records)).await;
        let uncreated = ensured.context("asking Kafka for topics")??;
        let producer = self.trusting()?;
        let (held_back, records) = hold_back(records, &uncreated);
        let mut distrust = producer.distrust.clone();
        let outcomes = tokio::select! {
            biased;
            outcomes = send_each(&producer.client, &records, self.limit.unwrap_or(Self::RELAY_TIMEOUT)) => outcomes,
            refusal = distrust.met() => {
                discard(&producer);
                all_unavailable(records.len(), refusal.into())
            }
        };
        self.replace_failed()?;
        let is_response = |outcome: &PublishOutcome| match outcome {
            PublishOutcome::Acknowledged | PublishOutcome::Refused(_) => true,
            PublishOutcome::Unavailable(unavailable) => unavailable.reason.is_some(),
            PublishOutcome::NotSent => false,
        };
        if self.last_response.is_too_old(!uncreated.is_empty() || outcomes.iter().any(is_response)) {
            self.replace_silent(&producer)?;
        }
        let mut sent = records.iter().zip(outcomes).map(|(record, outcome)| self.explained(&record.topic, outcome));
        Ok(held_back.into_iter().filter_map(|outcome| outcome.or_else(|| sent.next())).collect())
    }

    /// Creates missing topics. Returns the topics that the broker refuses, with the reason. Fails if the broker is
    /// unavailable.
    async fn ensure_each(&self, records: &[Record]) -> anyhow::Result<HashMap<String, Uncreated>> {
        let topics: HashSet<&str> = records.iter().map(|record| record.topic.as_str()).collect();
        let mut uncreated = HashMap::new();
        for topic in topics {
            let Err(error) = self.topics.ensure([topic]).await else { continue };
            if !is_about_topic(&error) {
                return Err(error);
            }
            uncreated.insert(topic.to_owned(), Uncreated { reason: reason(&error), text: format!("{error:#}") });
        }
        Ok(uncreated)
    }

    /// Names the refusal behind an outcome. Forgets a topic that was deleted, whose records time out at first, so that
    /// the next call creates it again.
    fn explained(&self, topic: &str, outcome: PublishOutcome) -> PublishOutcome {
        match outcome {
            PublishOutcome::Refused(Refused { scope, error, reason }) => {
                if scope == Scope::Topic && (is_timeout(&error) || is_unknown(code(&error))) {
                    self.topics.forget(topic);
                }
                PublishOutcome::Refused(Refused { scope, error: refused(error, topic), reason })
            }
            PublishOutcome::Unavailable(Unavailable { error, reason }) => {
                PublishOutcome::Unavailable(Unavailable { error: refused(error, topic), reason })
            }
            outcome => outcome,
        }
    }
}

/// Splits off the records of topics that are not created, and the later ones of their keys. Returns their outcomes,
/// with `None` in the places of the other records, and the other records.
fn hold_back(
    records: Vec<Record>,
    uncreated: &HashMap<String, Uncreated>,
) -> (Vec<Option<PublishOutcome>>, Vec<Record>) {
    let (mut outcomes, mut others, mut keys) = (Vec::new(), Vec::new(), HashSet::<Vec<u8>>::new());
    for record in records {
        outcomes.push(match uncreated.get(&record.topic) {
            _ if keys.contains(&record.key) => Some(PublishOutcome::NotSent),
            Some(Uncreated { reason, text }) => {
                keys.insert(record.key);
                let error = anyhow::anyhow!(text.clone());
                Some(PublishOutcome::Refused(Refused { scope: Scope::Topic, error, reason: *reason }))
            }
            None => {
                others.push(record);
                None
            }
        });
    }
    (outcomes, others)
}
