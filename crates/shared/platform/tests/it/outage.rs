//! Tests of what consumer and relay log while the broker is unavailable.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use platform::{
    config::Settings,
    kafka::{Consumer, Failure, Handler, KafkaPublisher, Message, Record, TopicSubscription},
    outbox::{Event, MemoryOutbox, Publisher, Relay, Waker},
    server::readiness::Readiness,
};
use rdkafka::mocking::MockCluster;
use testkit::{MemoryLog, eventually};
use tokio_util::sync::CancellationToken;
use tracing::Level;
use uuid::Uuid;

fn count(log: &MemoryLog, text: &str) -> usize {
    log.text().lines().filter(|line| line.contains(text)).count()
}

async fn wait_for(log: &MemoryLog, text: &str) {
    eventually(|| async { (count(log, text) > 0).then_some(()) }).await;
}

struct Content;

#[async_trait]
impl Handler for Content {
    async fn handle(&self, _: &Message) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn an_outage_of_the_broker_is_one_warning_and_its_end_one_line() {
    let (log, _guard) = MemoryLog::capture(Level::DEBUG);
    let cluster = MockCluster::new(1).unwrap();
    let variables = [("KAFKA_BROKERS", cluster.bootstrap_servers()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    let config: platform::kafka::Config = Settings::from_variables(variables).read().unwrap();
    cluster.create_topic("topic", 1, 1).unwrap();
    let readiness = Readiness::default();
    let subscription = TopicSubscription { group: "notes", topic: "topic".to_owned(), handler: Arc::new(Content) };
    let consumer = Consumer::new(&config, subscription, readiness.condition("joined"));
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    readiness.ready().await;

    cluster.broker_down(-1).unwrap();
    wait_for(&log, "Kafka still unavailable").await;
    cluster.broker_up(-1).unwrap();
    let record = Record { topic: "topic".to_owned(), key: vec![], payload: vec![], headers: [].into() };
    KafkaPublisher::new(&config).unwrap().publish(vec![record]).await.unwrap();
    wait_for(&log, "Kafka recovered").await;
    stop.cancel();
    running.await.unwrap().unwrap();

    assert_eq!(count(&log, "Kafka unavailable, retrying"), 1);
    assert_eq!(count(&log, "Kafka recovered"), 1);
}

/// A broker that is unavailable for the first calls.
struct Away(AtomicU32);

#[async_trait]
impl Publisher for Away {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        let away = self.0.try_update(Ordering::SeqCst, Ordering::SeqCst, |calls| calls.checked_sub(1));
        if away.is_ok() { Err(anyhow::anyhow!("no answer")) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_cannot_publish_warns_once_and_says_when_it_can() {
    let (log, _guard) = MemoryLog::capture(Level::DEBUG);
    let outbox = MemoryOutbox::default();
    outbox.insert(Event { uuid: Uuid::from_u128(1), kind: "kind", key: Uuid::from_u128(1), payload: vec![] });
    let topics = HashMap::from([("kind", "topic".to_owned())]);
    let broker = Arc::new(Away(AtomicU32::new(20)));
    let relay = Relay::new("test", Arc::new(outbox.clone()), broker, topics, &Waker::default());

    let running = testkit::run(|stop| relay.run(stop));
    eventually(|| async { outbox.events().iter().all(|(_, published)| *published).then_some(()) }).await;
    running.stop().await;

    assert_eq!(count(&log, "publishing unavailable, retrying"), 1);
    assert_eq!(count(&log, "publishing still unavailable"), 19);
    assert_eq!(count(&log, "publishing recovered"), 1);
}
