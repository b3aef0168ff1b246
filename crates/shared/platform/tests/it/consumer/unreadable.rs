//! Tests of batches that librdkafka cannot decode, and of large ones that it can.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use platform::kafka;

use super::{offsets::is_real, *};

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
async fn a_batch_of_eight_mebibytes_is_read_with_each_compression() {
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
async fn a_batch_that_cannot_be_read_holds_up_its_partition_alone_until_it_is_deleted() {
    let setup = Setup::new().await;
    let (consumer, readiness) = setup.consume();
    setup.publish_numbers(0..KEYS).await;
    setup.notes.wait_for(KEYS).await;

    setup.publish_batch("zstd", &["x".repeat(64 << 20)]).await;
    setup.publish_numbers(KEYS..2 * KEYS).await;
    // The other partitions continue, and the service serves its callers.
    let others = (0..KEYS).filter(|key| partition_of(key.to_string().as_bytes()) != partition_of(b"1")).count();
    setup.notes.wait_for(KEYS + others).await;
    assert!(readiness.is_ready());

    // The mock cluster deletes no records.
    if is_real(&setup) {
        // Deletes the batch, as `kafka-delete-records.sh` does.
        let partition = partition_of(b"1");
        let behind = [(partition, offset_of(partition) + 1)];
        kafka::delete_records(&setup.kafka.config(), &setup.topic, &behind).await.unwrap();
        setup.notes.wait_for(2 * KEYS).await;
        setup.assert_in_order(2 * KEYS);
    }
    consumer.stop().await;
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
