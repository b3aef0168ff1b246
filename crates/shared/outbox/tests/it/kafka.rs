//! Tests of the publisher and the reader of topics, at librdkafka's mock cluster.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, TimeDelta};
use outbox::{
    CheckedRecord, CheckedRow, ClientConfig, HEADER_EVENT_TIME, HEADER_EVENT_UUID, KafkaPublisher, KafkaReader,
    PublishOutcome, Publisher as _, Record, TopicReader as _, check_records,
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use uuid::Uuid;

const PARTITIONS: i32 = 3;
const KEYS: u128 = 5;

/// Returns a mock cluster with the topics `topic`, `other` and `first`, and the settings of its clients.
fn cluster() -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["topic", "other", "first"] {
        cluster.create_topic(topic, PARTITIONS, 1).unwrap();
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    (cluster, config)
}

fn row(id: u128) -> CheckedRow {
    let written = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
    let key = Uuid::from_u128(id % KEYS);
    CheckedRow { id: i64::try_from(id).unwrap(), event: Uuid::from_u128(id), key, written, published: Some(written) }
}

fn record(topic: &str, id: u128, payload: Vec<u8>) -> Record {
    let CheckedRow { event, key, written, .. } = row(id);
    let headers = [(HEADER_EVENT_UUID, event.to_string()), (HEADER_EVENT_TIME, written.to_rfc3339())];
    let headers: HashMap<String, String> = headers.map(|(name, value)| (name.to_owned(), value)).into();
    Record { topic: topic.to_owned(), key: key.to_string().into_bytes(), payload, headers }
}

fn records(topic: &str, ids: Range<u128>) -> Vec<Record> {
    ids.map(|id| record(topic, id, vec![])).collect()
}

/// Returns the outcome of each record, in one word.
async fn publish(publisher: &KafkaPublisher, records: &[Record]) -> Vec<String> {
    let outcome = |outcome: &PublishOutcome| match outcome {
        PublishOutcome::Acknowledged => "acknowledged".to_owned(),
        PublishOutcome::NotSent => "not sent".to_owned(),
        PublishOutcome::Refused(refused) => format!("{:?}", refused.scope),
        PublishOutcome::Unavailable(_) => "unavailable".to_owned(),
    };
    publisher.publish_each(records.to_vec()).await.iter().map(outcome).collect()
}

/// Returns a publisher whose first connection, which may take a second on a busy machine, is made.
async fn connected(config: &ClientConfig) -> KafkaPublisher {
    let publisher = KafkaPublisher::new(config).unwrap();
    while publish(&publisher, &records("first", 0..1)).await != ["acknowledged"] {}
    publisher
}

#[tokio::test]
async fn published_records_are_read_in_the_order_of_their_keys() {
    let (_cluster, config) = cluster();
    let publisher = connected(&config).await;
    let outcomes = publish(&publisher, &[records("topic", 0..40), records("other", 40..60)].concat()).await;
    assert_eq!(outcomes, ["acknowledged"; 60]);

    let mut reader = KafkaReader::new(&config, ["topic", "other"].map(str::to_owned));
    let mut read: Vec<CheckedRecord> = Vec::new();
    loop {
        let batch = reader.read().await.unwrap();
        if batch.is_empty() {
            break;
        }
        read.extend(batch);
    }

    let rows: Vec<CheckedRow> = (0..60).map(row).collect();
    let report = check_records(&rows, &read, None);
    assert!(report.is_consistent(), "{report}");
    assert_eq!((report.records, report.doubled), (60, 0));
    assert!(read.iter().all(|record| record.written == Some(row(0).written)));
    assert_eq!(["topic", "other"].map(|topic| reader.complete_since(topic)), [None, None]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_by_itself_and_the_later_ones_of_its_key_are_not_sent() {
    let (_cluster, config) = cluster();
    let publisher = connected(&config).await;
    // The last record has the key of the first one.
    let records = [vec![record("topic", 0, vec![0; 2_000_000])], records("topic", 1..6)].concat();

    let outcomes = publish(&publisher, &records).await;

    let acknowledged = "acknowledged";
    assert_eq!(outcomes, ["Record", acknowledged, acknowledged, acknowledged, acknowledged, "not sent"]);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_retried_record_by_record() {
    let (cluster, config) = cluster();
    let publisher = connected(&config).await;
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    cluster.request_errors(RDKafkaApiKey::Produce, &[too_large; 3]);

    let outcomes = publish(&publisher, &records("topic", 0..KEYS)).await;

    assert_eq!(outcomes, ["acknowledged"; 5]);
}

#[tokio::test]
async fn a_topic_that_is_refused_is_refused_as_a_whole() {
    let (cluster, config) = cluster();
    let publisher = connected(&config).await;
    cluster.topic_error("topic", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();

    let outcomes = publish(&publisher, &[records("other", 0..2), records("topic", 2..4)].concat()).await;

    assert_eq!(outcomes, ["acknowledged", "acknowledged", "Topic", "Topic"]);
}

#[tokio::test]
async fn a_broker_that_is_away_is_unavailable_and_refuses_nothing() {
    let (cluster, config) = cluster();
    let publisher = connected(&config).await;
    cluster.broker_down(-1).unwrap();

    let outcomes = publish(&publisher, &records("topic", 0..3)).await;

    assert_eq!(outcomes, ["unavailable"; 3]);
}

/// A broker that has just returned responds to the request for metadata that follows the timeouts.
#[tokio::test]
async fn a_broker_that_acknowledges_nothing_of_a_batch_refuses_nothing() {
    let (cluster, config) = cluster();
    let publisher = connected(&config).await;
    let retriable = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    cluster.request_errors(RDKafkaApiKey::Produce, &[retriable; 1_000]);

    let outcomes = publish(&publisher, &records("topic", 0..3)).await;

    assert_eq!(outcomes, ["unavailable"; 3]);
}
