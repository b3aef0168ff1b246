//! What consumer and relay log while the broker is away.

use std::{
    collections::HashMap,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use platform::{
    config::Settings,
    health::Readiness,
    kafka::{Consumer, Failure, Handler, KafkaPublisher, Message, Record},
    outbox::{Event, MemoryOutbox, Publisher, Relay, Waker},
};
use rdkafka::mocking::MockCluster;
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The log of one test, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// How many lines have `text`.
    fn count(&self, text: &str) -> usize {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().filter(|line| line.contains(text)).count()
    }

    /// Takes what this thread logs until the guard is dropped: the code under test must not leave it.
    fn take(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish())
    }

    async fn wait_for(&self, text: &str) {
        eventually(|| async { (self.count(text) > 0).then_some(()) }).await;
    }
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
    let log = Log::default();
    let _guard = log.take();
    let cluster = MockCluster::new(1).unwrap();
    let variables = [("KAFKA_BROKERS", cluster.bootstrap_servers()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    let config: platform::kafka::Config = Settings::of(variables).read().unwrap();
    cluster.create_topic("topic", 1, 1).unwrap();
    let readiness = Readiness::default();
    let consumer = Consumer {
        group: "notes",
        topic: "topic".to_owned(),
        config: config.clone(),
        instance_id: "one".to_owned(),
        handler: Arc::new(Content),
        joined: readiness.condition("joined"),
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    readiness.ready().await;

    cluster.broker_down(-1).unwrap();
    log.wait_for("Kafka still unavailable").await;
    cluster.broker_up(-1).unwrap();
    let record = Record { topic: "topic".to_owned(), key: vec![], payload: vec![], headers: [].into() };
    KafkaPublisher::new(&config).unwrap().publish(vec![record]).await.unwrap();
    log.wait_for("Kafka recovered").await;
    stop.cancel();
    running.await.unwrap().unwrap();

    assert_eq!(log.count("Kafka unavailable, retrying"), 1);
    assert_eq!(log.count("Kafka recovered"), 1);
}

/// A broker that is away for the first calls.
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
    let log = Log::default();
    let _guard = log.take();
    let outbox = MemoryOutbox::default();
    outbox.insert(Event { uuid: Uuid::from_u128(1), kind: "kind", key: Uuid::from_u128(1), payload: vec![] });
    let topics = HashMap::from([("kind", "topic".to_owned())]);
    let broker = Arc::new(Away(AtomicU32::new(20)));
    let relay = Relay::new("test", Arc::new(outbox.clone()), broker, topics, &Waker::default());

    let running = testkit::run(|stop| relay.run(stop));
    eventually(|| async { outbox.events().iter().all(|(_, published)| *published).then_some(()) }).await;
    running.stop().await;

    assert_eq!(log.count("publishing unavailable, retrying"), 1);
    assert_eq!(log.count("publishing still unavailable"), 19);
    assert_eq!(log.count("publishing recovered"), 1);
}
