//! Tests of batches that librdkafka cannot decode, and of large ones that it can.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use platform::kafka;
use rdkafka::{error::KafkaResult, producer::Producer as _};

use super::{positions::is_real, *};

impl Setup {
    /// Publishes the payloads under one key, as one compressed batch.
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

    /// Publishes a record under key 1 in a transaction, and aborts it.
    async fn publish_aborted(&self) {
        let (brokers, topic) = (self.kafka.config().kafka_brokers, self.topic.clone());
        let aborting = tokio::task::spawn_blocking(move || -> KafkaResult<()> {
            let timeout = Duration::from_secs(30);
            let mut settings = ClientConfig::new();
            settings
                .set("bootstrap.servers", brokers)
                .set("transactional.id", &topic)
                .set("message.timeout.ms", "20000");
            let producer: FutureProducer = settings.create()?;
            producer.init_transactions(timeout)?;
            producer.begin_transaction()?;
            let sent = producer.send_result(FutureRecord::to(&topic).key("1").payload("aborted"));
            let delivery = sent.map_err(|(error, _)| error)?;
            let delivered = futures::executor::block_on(delivery).expect("the producer lives");
            delivered.map_err(|(error, _)| error)?;
            producer.abort_transaction(timeout)
        });
        aborting.await.unwrap().unwrap();
    }

    /// Lets the consumers skip the first batch with records from this offset of the partition of key 1 on.
    async fn skip(&self, offset: i64) {
        let (config, topic, partition) = (self.kafka.config(), self.topic.clone(), partition_of(b"1"));
        let found = kafka::batches_at(&config, &topic, partition, offset).await.unwrap();
        let batch = *found.last().unwrap();
        let skipping = tokio::task::spawn_blocking(move || kafka::skip(&config, "notes", &topic, partition, batch));
        skipping.await.unwrap().unwrap();
    }

    /// Waits until `condition` is the first condition that the service waits for, or with `None` until the service
    /// waits for none.
    async fn waits_for(&self, readiness: &Readiness, condition: Option<&str>) {
        eventually(|| async {
            let waits = readiness.waiting_for();
            (waits.first().map(String::as_str) == condition).then_some(())
        })
        .await;
    }
}

/// Returns a text of `length` bytes that compresses to about a twentieth.
fn text(number: usize, length: usize) -> String {
    let mut text = String::new();
    let mut state = u32::try_from(number).unwrap() + 1;
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let _ = write!(
            text,
            "{{\"name\":\"a part of the ship, number {}\",\"brand\":\"Vivienne Sabo\",\"price\":453}},",
            state >> 20
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_eight_mebibytes_is_read_whatever_it_is_compressed_with() {
    let setup = Setup::new().await;
    let (consumer, _) = setup.consume();

    // librdkafka enlarges its buffer in steps, so some sizes are harder than larger ones.
    let sizes = [(250, 12_400), (64, 131_000), (600, 1_000)];
    let mut expected = 0;
    for codec in ["zstd", "gzip", "snappy", "lz4"] {
        for (count, length) in sizes {
            let payloads: Vec<String> =
                (0..count).map(|number| format!("{codec} {count} {number} {}", text(number, length))).collect();
            setup.publish_batch(codec, &payloads).await;
            expected += count;
            setup.notes.wait_for(expected).await;
        }
    }

    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_read_is_said_and_skipped_by_an_operator_and_holds_up_its_partition_alone() {
    let setup = Setup::new().await;
    let (consumer, readiness) = setup.consume();
    setup.publish_numbers(0..KEYS).await;
    setup.notes.wait_for(KEYS).await;
    assert!(readiness.is_ready());

    setup.publish_compressed("zstd", &"x".repeat(64 << 20)).await;
    setup.publish_numbers(KEYS..2 * KEYS).await;
    setup.waits_for(&readiness, Some("joined: a batch cannot be read")).await;
    // The other partitions continue.
    setup.notes.wait_for(KEYS + 1).await;

    let config = setup.kafka.config();
    let partition = partition_of(b"1");
    let batch = eventually(|| async {
        let found = kafka::batches_at(&config, &setup.topic, partition, offset_of(partition)).await.ok()?;
        found.first().copied()
    })
    .await;
    assert_eq!(batch.count(), 1);
    let topic = setup.topic.clone();
    let skipping = tokio::task::spawn_blocking(move || {
        kafka::skip(&config, "notes", &topic, partition, batch)?;
        kafka::skipped(&config, "notes", &topic, &[partition])
    });
    assert_eq!(skipping.await.unwrap().unwrap(), [(partition, batch)]);

    setup.notes.wait_for(2 * KEYS).await;
    setup.waits_for(&readiness, None).await;
    consumer.stop().await;
    setup.assert_in_order(2 * KEYS);

    // A restarted consumer skips the batch, too.
    let (consumer, readiness) = setup.consume();
    readiness.ready().await;
    setup.publish_numbers(2 * KEYS..3 * KEYS).await;
    setup.notes.wait_for(3 * KEYS).await;
    assert!(readiness.is_ready());
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_between_two_skipped_batches_are_handled() {
    let setup = Setup::new().await;
    let unreadable = "x".repeat(64 << 20);
    setup.publish([(1, "first")]).await;
    setup.publish_compressed("zstd", &unreadable).await;
    setup.publish([(1, "second"), (1, "third")]).await;
    setup.publish_compressed("zstd", &unreadable).await;
    setup.publish([(1, "last")]).await;

    // Skips both batches before the consumer reaches them.
    setup.skip(1).await;
    setup.skip(4).await;
    let (consumer, readiness) = setup.consume();

    setup.notes.wait_for(4).await;
    setup.waits_for(&readiness, None).await;
    consumer.stop().await;
    assert_eq!(*setup.notes.seen(), ["first", "second", "third", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_behind_an_aborted_transaction_is_skipped_at_the_offset_that_its_consumer_says() {
    let setup = Setup::new().await;
    // The mock cluster has no aborted transactions.
    if !is_real(&setup) {
        return;
    }
    let (consumer, readiness) = setup.consume();
    setup.publish([(1, "first")]).await;
    setup.publish_aborted().await;
    setup.publish_compressed("zstd", &"x".repeat(64 << 20)).await;
    setup.publish([(1, "last")]).await;
    setup.waits_for(&readiness, Some("joined: a batch cannot be read")).await;

    // The offset after the last record that was handled.
    setup.skip(1).await;

    setup.notes.wait_for(2).await;
    setup.waits_for(&readiness, None).await;
    consumer.stop().await;
    assert_eq!(*setup.notes.seen(), ["first", "last"]);
}

/// Returns the partition to which librdkafka assigns the key. The topic has three.
fn partition_of(key: &[u8]) -> i32 {
    i32::try_from(crc32fast::hash(key) % 3).unwrap()
}

/// Returns the batch's offset: each key of the partition had one record before it.
fn offset_of(partition: i32) -> i64 {
    let before = (0..KEYS).filter(|key| partition_of(key.to_string().as_bytes()) == partition).count();
    i64::try_from(before).unwrap()
}
