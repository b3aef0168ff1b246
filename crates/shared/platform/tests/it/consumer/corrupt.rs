//! Batches with a wrong checksum, in librdkafka's mock cluster, since a real broker refuses to store them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bytes::BufMut as _;
use platform::kafka::Config;
use testkit::MemoryLog;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tracing::Level;

use super::*;
use crate::each_record::cluster;

/// Returns a batch with one record, as a producer sends it.
fn batch(offset: i64, payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut checked = Vec::new();
    // Attributes, the last offset and two times; no idempotent producer; one record.
    checked.put_i16(0);
    checked.put_i32(0);
    checked.put_i64(0);
    checked.put_i64(0);
    checked.put_i64(-1);
    checked.put_i16(-1);
    checked.put_i32(-1);
    checked.put_i32(1);
    // The record's length, attributes, time and offset; no key; the payload's length. Varints of lengths are doubled.
    checked.extend([2 * (length + 6), 0, 0, 0, 1, 2 * length]);
    checked.extend(payload.as_bytes());
    // No headers.
    checked.put_u8(0);
    let mut batch = Vec::new();
    batch.put_i64(offset);
    batch.put_i32(i32::try_from(checked.len() + 9).unwrap());
    // No leader's epoch.
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(crc32c(&checked));
    batch.extend(checked);
    batch
}

fn corrupt(offset: i64) -> Vec<u8> {
    let mut batch = batch(offset, "lost");
    batch[20] ^= 1;
    batch
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 0 { sum >> 1 } else { (sum >> 1) ^ 0x82f6_3b78 };
        }
    }
    !sum
}

/// Appends batches to partition 0 of `topic`. Each batch is sent together with all later ones: a broker responds to a
/// fetch of a batch with the later ones, too, but the mock cluster only with the batches that were sent together.
async fn append(config: &Config, batches: &[Vec<u8>]) {
    let mut request = Vec::new();
    // A produce request in version 3, its number, no client id; no transaction, one acknowledgement, a second.
    request.put_i16(0);
    request.put_i16(3);
    request.put_i32(1);
    request.put_i16(-1);
    request.put_i16(-1);
    request.put_i16(1);
    request.put_i32(1_000);
    request.put_i32(1);
    request.put_i16(5);
    request.extend(b"topic");
    request.put_i32(i32::try_from(batches.len()).unwrap());
    for place in 0..batches.len() {
        let stored = batches[place..].concat();
        request.put_i32(0);
        request.put_i32(i32::try_from(stored.len()).unwrap());
        request.extend(stored);
    }
    let mut stream = TcpStream::connect(config.kafka_brokers.as_str()).await.unwrap();
    stream.write_i32(i32::try_from(request.len()).unwrap()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut response = vec![0; usize::try_from(stream.read_i32().await.unwrap()).unwrap()];
    stream.read_exact(&mut response).await.unwrap();
    // After the request's number and the topic: 22 bytes for each batch, with the error after the partition.
    assert!(response[19..].chunks_exact(22).all(|outcome| outcome[4..6] == [0, 0]), "{response:?}");
}

#[tokio::test]
async fn nothing_behind_a_corrupt_batch_is_handled() {
    let (log, _guard) = MemoryLog::capture(Level::ERROR);
    let (_cluster, config) = cluster();
    let notes = Arc::<Notes>::default();
    let readiness = Readiness::default();
    let subscription = TopicSubscription { group: "notes", topic: "topic".to_owned(), handler: notes.clone() };
    let consumer = Consumer::new(&config, subscription, readiness.condition("joined"));
    let running = testkit::run(|stop| consumer.run(stop));
    append(&config, &[batch(0, "first")]).await;
    notes.wait_for(1).await;

    append(&config, &[batch(1, "second"), corrupt(2), batch(3, "third")]).await;

    let is_said = || log.text().contains("a batch cannot be read: its partition waits");
    eventually(|| async { (is_said() || notes.seen().len() > 2).then_some(()) }).await;
    // The batch is read again every two seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
    running.stop().await;
    assert_eq!(*notes.seen(), ["first", "second"]);
}
