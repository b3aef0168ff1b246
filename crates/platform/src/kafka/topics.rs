//! Creating the topics that a service uses, at its start.

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use tokio_util::sync::CancellationToken;

use super::{Config, dead_letter_topic};
use crate::retry;

/// Makes sure that `topics` and their dead-letter topics exist. Waits for the broker until `stop`.
pub async fn ensure_topics(config: &Config, topics: &[&str], stop: &CancellationToken) -> anyhow::Result<()> {
    if !config.kafka_create_topics {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> = config.client().create().context("creating a Kafka admin client")?;
    let retention = config.kafka_topic_retention.as_millis().to_string();
    let dead: Vec<String> = topics.iter().map(|topic| dead_letter_topic(topic)).collect();
    let wanted: Vec<NewTopic> = topics
        .iter()
        .map(|topic| new_topic(topic, config.kafka_topic_partitions, &retention))
        .chain(dead.iter().map(|topic| {
            // A dead letter is wrapped in headers: room beyond the broker's default of 1 MB.
            new_topic(topic, 1, &retention).set("max.message.bytes", "4000000")
        }))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
    let mut pauses = retry::patient();
    loop {
        let outcome = tokio::select! {
            outcome = admin.create_topics(&wanted, &options) => outcome,
            () = stop.cancelled() => return Ok(()),
        };
        match outcome {
            Ok(results) => {
                for result in results {
                    match result {
                        Ok(topic) => tracing::info!(topic, "created a topic"),
                        Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                        Err((topic, error)) => anyhow::bail!("creating the topic {topic}: {error}"),
                    }
                }
                return Ok(());
            }
            Err(error) => tracing::warn!(%error, "Kafka is not reachable yet"),
        }
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
}

fn new_topic<'a>(name: &'a str, partitions: i32, retention: &'a str) -> NewTopic<'a> {
    // -1: the broker's own default (KIP-464).
    NewTopic::new(name, partitions, TopicReplication::Fixed(-1)).set("retention.ms", retention)
}
