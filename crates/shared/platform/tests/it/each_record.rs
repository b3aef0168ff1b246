//! Tests of the publisher, at librdkafka's mock cluster. Those of each outcome are in the crate `outbox`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::HashMap, time::Duration};

use outbox::{PublishOutcome, Publisher as _, Record};
use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher},
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tokio::time::Instant;
use uuid::Uuid;

type Cluster = MockCluster<'static, DefaultProducerContext>;

const PARTITIONS: i32 = 3;

/// Returns a mock cluster with the topics `topic` and `other`, and the configuration of its clients.
pub fn cluster() -> (Cluster, Config) {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["topic", "other"] {
        cluster.create_topic(topic, PARTITIONS, 1).unwrap();
    }
    let variables = [("KAFKA_BROKERS", cluster.bootstrap_servers()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    (cluster, Settings::from_variables(variables).read().unwrap())
}

fn record(topic: &str, key: u128, payload: Vec<u8>) -> Record {
    let key = Uuid::from_u128(key).to_string().into_bytes();
    Record { topic: topic.to_owned(), key, payload, headers: HashMap::new() }
}

fn records(topic: &str, keys: std::ops::Range<u128>) -> Vec<Record> {
    keys.map(|key| record(topic, key, vec![])).collect()
}

/// Returns the outcome in one word.
fn outcome(outcome: &PublishOutcome) -> String {
    match outcome {
        PublishOutcome::Acknowledged => "acknowledged".to_owned(),
        PublishOutcome::NotSent => "not sent".to_owned(),
        PublishOutcome::Refused(refused) => format!("{:?}", refused.scope),
        PublishOutcome::Unavailable(_) => "unavailable".to_owned(),
    }
}

async fn publish(publisher: &KafkaPublisher, records: &[Record]) -> Vec<String> {
    publisher.publish_each(records.to_vec()).await.iter().map(outcome).collect()
}

#[tokio::test]
async fn records_of_a_partition_without_a_leader_time_out_and_the_others_are_acknowledged() {
    let (cluster, config) = cluster();
    let publisher = KafkaPublisher::for_relay(&config).unwrap();
    cluster.partition_leader("topic", 1, None).unwrap();
    let all = records("topic", 0..30);

    let begun = Instant::now();
    let outcomes = publish(&publisher, &all).await;

    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let without: Vec<_> = outcomes.iter().filter(|outcome| *outcome != "acknowledged").collect();
    assert!(!without.is_empty() && without.len() < 30, "{outcomes:?}");
    assert!(without.iter().all(|outcome| *outcome == "Record"), "{outcomes:?}");
    for (record, outcome) in all.iter().zip(&outcomes) {
        let partition = crc32fast::hash(&record.key) % u32::try_from(PARTITIONS).unwrap();
        assert_eq!(partition == 1, outcome != "acknowledged", "{partition}: {outcome}");
    }
}

#[tokio::test]
async fn a_topic_that_is_refused_is_refused_as_a_whole() {
    let (cluster, config) = cluster();
    let publisher = KafkaPublisher::for_relay(&config).unwrap();
    cluster.topic_error("topic", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();

    let outcomes = publish(&publisher, &[records("other", 0..2), records("topic", 2..4)].concat()).await;

    assert_eq!(outcomes, ["acknowledged", "acknowledged", "Topic", "Topic"]);
}

#[tokio::test]
async fn a_producer_that_failed_for_good_is_made_again() {
    let (cluster, config) = cluster();
    let publisher = KafkaPublisher::new(&config).unwrap();
    let publish = async || publisher.publish(records("topic", 0..1)).await;
    publish().await.unwrap();

    // After this error for the oldest record in flight, librdkafka cannot keep its guarantees and never publishes
    // again.
    let desynchronized = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[desynchronized]);
    publish().await.unwrap_err();

    publish().await.unwrap();
}
