//! The mock cluster of Kafka.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    config::Settings,
    kafka::{Config, Consumer, Failure, Handler, KafkaPublisher, Message, Record, TopicSubscription},
    outbox::Publisher as _,
    server::readiness::Readiness,
};
use servers::kafka;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Notes(Mutex<Vec<Message>>);

#[async_trait]
impl Handler for Notes {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        if message.payload == b"poison" {
            return Err(Failure::poison("poison"));
        }
        let mut seen = self.seen();
        // Delivery is at least once, so repeats are skipped. The order is that of the first deliveries.
        if seen.iter().all(|other| (other.partition, other.offset) != (message.partition, message.offset)) {
            seen.push(message.clone());
        }
        Ok(())
    }
}

impl Notes {
    fn seen(&self) -> MutexGuard<'_, Vec<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for(&self, count: usize) {
        while self.seen().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn record(key: usize, payload: &str) -> Record {
    let (topic, key) = ("paid".to_owned(), key.to_string().into_bytes());
    Record { topic, key, payload: payload.as_bytes().to_vec(), headers: HashMap::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_of_kafka_serves_the_consumers_and_producers_of_the_shop() {
    let mock = kafka::start_mock(&["paid"], 6).unwrap();
    let settings = [("KAFKA_BROKERS", mock.brokers.clone()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    let config: Config = Settings::from_variables(settings).read().unwrap();
    let publisher = KafkaPublisher::new(&config).unwrap();
    let notes = Arc::new(Notes::default());
    let consume = || {
        let stop = CancellationToken::new();
        let readiness = Readiness::default();
        let subscription = TopicSubscription { group: "notes", topic: "paid".to_owned(), handler: notes.clone() };
        let consumer = Consumer::new(&config, subscription, readiness.condition("joined"));
        (tokio::spawn(consumer.run(stop.clone())), stop, readiness)
    };

    publisher.publish((0..100).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    let first = consume();
    notes.wait_for(100).await;
    publisher.publish(vec![record(1, "poison")]).await.unwrap();
    publisher.publish((100..200).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    notes.wait_for(200).await;
    first.1.cancel();
    first.0.await.unwrap().unwrap();
    // Only one member runs at a time, as in one process. If a member leaves while another joins, the mock broker waits
    // for the departed group leader. After 4 s the joining member retries, and a librdkafka assertion aborts the
    // process.
    let second = consume();
    publisher.publish((200..300).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    notes.wait_for(300).await;

    second.1.cancel();
    second.0.await.unwrap().unwrap();
    let seen = notes.seen();
    for key in 0..10 {
        let of_key = seen.iter().filter(|message| message.key == key.to_string().into_bytes());
        let numbers: Vec<usize> =
            of_key.map(|message| str::from_utf8(&message.payload).unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..30).map(|n| n * 10 + key).collect::<Vec<_>>());
    }
}
