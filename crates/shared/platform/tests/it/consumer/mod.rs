//! Tests of consumers with a real broker: order, retries in place, poison, and restarts.

mod corrupt;
mod exact;
mod offsets;
mod replicas;
mod traces;
mod unreadable;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::events::OrderPaid;
use outbox::Record;
use platform::{
    kafka::{
        Consumer, Failure, HEADER_ATTEMPTS, HEADER_ERROR, HEADER_LEFT_OUT, HEADER_TOPIC, Handler, Mark, Message,
        Reader, TopicSubscription, dead_letter_topic,
    },
    server::readiness::Readiness,
};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use testkit::{Kafka, Running, eventually};
use tokio::sync::watch;

const KEYS: usize = 6;

/// A handler that records the messages that it handles. It rejects `poison`, fails transiently for `later` as often as
/// `refusals` says, and panics for `panic`. While `held` is true, it waits.
#[derive(Default)]
struct Notes {
    seen: Mutex<Vec<String>>,
    refusals: AtomicU32,
    held: watch::Sender<bool>,
}

#[async_trait]
impl Handler for Notes {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        if payload == "poison" || payload.len() > 1_000_000 {
            return Err(Failure::poison("it is poison"));
        }
        let refused = self.refusals.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            if payload == "later" { left.checked_sub(1) } else { None }
        });
        if refused.is_ok() {
            return Err(Failure::transient(anyhow::anyhow!("not now")));
        }
        assert_ne!(payload, "panic", "a defect");
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        self.seen().push(payload);
        Ok(())
    }
}

impl Notes {
    fn seen(&self) -> MutexGuard<'_, Vec<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `count` different messages have been recorded.
    async fn wait_for(&self, count: usize) {
        eventually(|| async { (self.seen().iter().collect::<HashSet<_>>().len() >= count).then_some(()) }).await;
    }

    /// Returns the messages in the order in which they were first recorded.
    fn firsts(&self) -> Vec<String> {
        let mut known = HashSet::new();
        self.seen().iter().filter(|payload| known.insert((*payload).clone())).cloned().collect()
    }
}

struct Setup {
    kafka: Kafka,
    topic: String,
    notes: Arc<Notes>,
}

impl Setup {
    async fn new() -> Self {
        let kafka = testkit::kafka().await;
        let topic = kafka.topic::<OrderPaid>();
        Self { kafka, topic, notes: Arc::default() }
    }

    fn consume(&self) -> (Running, Readiness) {
        self.consume_by(self.notes.clone())
    }

    fn consume_by(&self, handler: Arc<dyn Handler>) -> (Running, Readiness) {
        let (consumer, readiness) = self.consumer(handler);
        (testkit::run(|stop| consumer.run(stop)), readiness)
    }

    fn consumer(&self, handler: Arc<dyn Handler>) -> (Consumer, Readiness) {
        let readiness = Readiness::default();
        let subscription = TopicSubscription { group: "notes", topic: self.topic.clone(), handler };
        (Consumer::new(&self.kafka.config(), subscription, readiness.condition("joined")), readiness)
    }

    async fn publish<P: ToString>(&self, messages: impl IntoIterator<Item = (usize, P)>) {
        let record = |(key, payload): (usize, P)| Record {
            topic: self.topic.clone(),
            key: key.to_string().into_bytes(),
            payload: payload.to_string().into_bytes(),
            headers: HashMap::from([("event-uuid".to_owned(), "the event's".to_owned())]),
        };
        self.kafka.publish(messages.into_iter().map(record).collect()).await;
    }

    /// Publishes the payloads under one key as one batch, with a producer that compresses, unlike the platform's.
    async fn publish_batch(&self, codec: &str, payloads: &[String]) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka.config().kafka_brokers)
            .set("compression.type", codec)
            .set("message.max.bytes", "100000000")
            .set("batch.size", "100000000")
            .set("linger.ms", "500")
            .create()
            .expect("a producer can be made");
        let queued: Vec<_> = payloads
            .iter()
            .map(|payload| producer.send_result(FutureRecord::to(&self.topic).key("1").payload(payload)).expect("room"))
            .collect();
        for delivery in queued {
            delivery.await.expect("the producer lives").expect("the broker takes the batch");
        }
    }

    /// Publishes these numbers as messages. The keys take turns.
    async fn publish_numbers(&self, numbers: std::ops::Range<usize>) {
        self.publish(numbers.map(|number| (number % KEYS, number))).await;
    }

    /// Returns the only dead letter.
    async fn letter(&self) -> Message {
        let mut letters = self.kafka.messages(&dead_letter_topic(&self.topic)).await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters.remove(0)
    }

    fn assert_in_order(&self, count: usize) {
        let firsts = self.notes.firsts();
        let numbers: Vec<usize> = firsts.iter().map(|payload| payload.parse().expect("a number")).collect();
        for key in 0..KEYS {
            let of_key: Vec<usize> = numbers.iter().copied().filter(|number| number % KEYS == key).collect();
            assert_eq!(of_key, (0..count).filter(|number| number % KEYS == key).collect::<Vec<_>>());
        }
    }
}

/// The numbers of messages that are handled at the same time, by partition and by key.
#[derive(Default)]
struct Concurrency {
    now: Mutex<HashMap<(i32, Vec<u8>), usize>>,
    max_of_a_key: AtomicUsize,
    max_of_a_partition: AtomicUsize,
    handled: AtomicUsize,
}

#[async_trait]
impl Handler for Concurrency {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let place = (message.partition, message.key.clone());
        {
            let mut now = self.now.lock().expect("no holder panics");
            *now.entry(place.clone()).or_default() += 1;
            let of_partition =
                now.iter().filter(|((partition, _), _)| *partition == place.0).map(|(_, count)| count).sum();
            self.max_of_a_key.fetch_max(now[&place], Ordering::SeqCst);
            self.max_of_a_partition.fetch_max(of_partition, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        *self.now.lock().expect("no holder panics").entry(place).or_default() -= 1;
        self.handled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn different_keys_of_a_partition_are_handled_at_once_and_one_key_in_its_order() {
    let setup = Setup::new().await;
    let concurrency = Arc::new(Concurrency::default());
    setup.publish_numbers(0..300).await;

    let (consumer, _) = setup.consume_by(concurrency.clone());
    eventually(|| async { (concurrency.handled.load(Ordering::SeqCst) == 300).then_some(()) }).await;
    consumer.stop().await;

    assert_eq!(concurrency.max_of_a_key.load(Ordering::SeqCst), 1);
    let of_partition = concurrency.max_of_a_partition.load(Ordering::SeqCst);
    assert!((2..=KEYS).contains(&of_partition), "{of_partition}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_stopped() {
    let setup = Setup::new().await;
    setup.publish_numbers(0..60).await;

    let (consumer, _) = setup.consume();
    setup.notes.wait_for(60).await;
    consumer.stop().await;
    setup.publish_numbers(60..120).await;
    let (consumer, _) = setup.consume();
    setup.notes.wait_for(120).await;
    consumer.stop().await;

    assert_eq!(setup.notes.seen().len(), 120);
    setup.assert_in_order(120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_is_tried_again_in_its_place() {
    let setup = Setup::new().await;
    setup.notes.refusals.store(3, Ordering::SeqCst);
    let (consumer, _) = setup.consume();

    setup.publish([(1, "before"), (1, "later"), (1, "after")]).await;
    setup.notes.wait_for(3).await;
    consumer.stop().await;

    assert_eq!(*setup.notes.seen(), ["before", "later", "after"]);
    assert_eq!(setup.notes.refusals.load(Ordering::SeqCst), 0);
    assert!(setup.kafka.messages(&dead_letter_topic(&setup.topic)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_one_partition_does_not_hold_up_the_others() {
    let setup = Setup::new().await;
    setup.notes.refusals.store(u32::MAX, Ordering::SeqCst);
    let (consumer, _) = setup.consume();

    setup.publish([(0, "later")]).await;
    setup.publish((0..KEYS).map(|key| (key, format!("of {key}")))).await;
    eventually(|| async { (!setup.notes.seen().is_empty()).then_some(()) }).await;
    assert!(!setup.notes.seen().contains(&"of 0".to_owned()));
    setup.notes.refusals.store(0, Ordering::SeqCst);
    setup.notes.wait_for(KEYS + 1).await;

    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_that_the_dead_letter_topic_does_not_take_is_abridged_there_and_the_partition_goes_on() {
    let setup = Setup::new().await;
    let (consumer, _) = setup.consume();

    // The message is within the broker's limit only while it is compressed.
    setup.publish_batch("gzip", &["x".repeat(5_000_000)]).await;
    setup.publish([(1, "next")]).await;
    setup.notes.wait_for(1).await;
    consumer.stop().await;

    let letter = setup.letter().await;
    assert_eq!((letter.key.as_slice(), letter.payload.len()), (&b"1"[..], 0));
    assert_eq!(&letter.headers[HEADER_LEFT_OUT], "5000000");
    assert_eq!(letter.headers[HEADER_TOPIC], setup.topic);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_a_partition_is_ready_all_the_same() {
    let setup = Setup::new().await;

    let replicas: Vec<_> = [(); 4].map(|()| setup.consume()).into();

    for (_, readiness) in &replicas {
        tokio::time::timeout(Duration::from_secs(30), readiness.ready()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_partition_that_moves_away_and_comes_back_is_consumed() {
    let setup = Setup::new().await;
    let (first, readiness) = setup.consume();
    readiness.ready().await;
    setup.notes.held.send_replace(true);
    // The three partitions share the messages: each gets about as many as its queue holds.
    setup.publish((0..3000).map(|number| (number, number))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let (second, readiness) = setup.consume();
    readiness.ready().await;
    second.stop().await;
    setup.notes.held.send_replace(false);

    setup.notes.wait_for(3000).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_handler_always_panics_goes_to_the_dead_letter_topic() {
    let setup = Setup::new().await;
    let (consumer, _) = setup.consume();

    setup.publish([(1, "before"), (1, "panic"), (1, "after")]).await;
    setup.notes.wait_for(2).await;
    consumer.stop().await;

    assert_eq!(*setup.notes.seen(), ["before", "after"]);
    let letter = setup.letter().await;
    assert_eq!(&letter.headers[HEADER_ERROR], "its handler panicked: a defect");
    assert_eq!(&letter.headers[HEADER_ATTEMPTS], "6", "it is tried again in its place");
}
