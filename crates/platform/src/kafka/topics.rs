//! Creating the topics that a service uses.

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};

use super::{Config, dead_letter_topic};

/// How long the broker may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Makes sure that `topics` exist, and a dead-letter topic for each, with the configured partitions and retention.
pub async fn ensure_topics(config: &Config, topics: &[&str]) -> anyhow::Result<()> {
    if !config.kafka_create_topics {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> = config.client().create().context("creating a Kafka admin client")?;
    let retention = config.kafka_topic_retention.as_millis().to_string();
    let segment = config.kafka_topic_segment.as_millis().to_string();
    let dead: Vec<String> = topics.iter().map(|topic| dead_letter_topic(topic)).collect();
    let letters = dead.iter().map(|topic| {
        // A dead letter may be larger than what the broker lets through by default, 1 MB.
        new_topic(topic, 1, &retention).set("max.message.bytes", "4000000")
    });
    let wanted: Vec<NewTopic> = topics
        .iter()
        .map(|topic| new_topic(topic, config.kafka_topic_partitions, &retention).set("segment.ms", &segment))
        .chain(letters)
        .collect();
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
    let results = admin.create_topics(&wanted, &options).await.context("creating topics")?;
    for result in results {
        match result {
            Ok(topic) => tracing::info!(topic, "created a topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => anyhow::bail!("creating the topic {topic}: {error}"),
        }
    }
    Ok(())
}

fn new_topic<'a>(name: &'a str, partitions: i32, retention: &'a str) -> NewTopic<'a> {
    // -1: the broker's own default (KIP-464).
    NewTopic::new(name, partitions, TopicReplication::Fixed(-1)).set("retention.ms", retention)
}
