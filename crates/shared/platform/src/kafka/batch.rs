//! Reads the offsets of a batch from its header, even if librdkafka cannot decode the batch.

use anyhow::{Context as _, ensure};
use bytes::{Buf as _, BufMut as _, Bytes};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::{
    Config, Extent, Reader,
    acls::protocol::{Api, nullable, put_string},
    connection::Connection,
    unreadable::cannot_be_decoded,
};

/// A consumer group that these readers name but never join.
const TOOL: &str = "shipyard-audit";
/// The fetch request, in the oldest version that Kafka 4 accepts.
const FETCH: Api = Api(1, 4);
/// How long the broker may wait for records, in milliseconds.
const MAX_WAIT_MS: i32 = 1_000;
/// In bytes. The broker returns the first batch whole even if it is larger.
const MAX_RESPONSE_BYTES: i32 = 1_024;
/// The only batch format that Kafka 4 stores.
const MAGIC: i8 = 2;
/// The attribute bit of a control batch: it ends a transaction and has no records.
const CONTROL: i16 = 1 << 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    pub first: i64,
    pub last: i64,
    /// The checksum from the header. It distinguishes the batch from one at the same offsets of a recreated topic.
    /// `None` if an older version of this program noted the batch.
    pub checksum: Option<u32>,
}

impl Batch {
    /// Returns the number of offsets. A compacted batch has fewer records.
    pub fn count(&self) -> i64 {
        self.last - self.first + 1
    }
}

/// Returns the batch of the record with this offset, or the next one if there is no such record.
///
/// # Errors
///
/// Fails if the partition has no batch there, or the broker does not answer.
pub async fn batch_at(config: &Config, topic: &str, partition: i32, offset: i64) -> anyhow::Result<Batch> {
    let (own, name) = (config.clone(), topic.to_owned());
    let leader = tokio::task::spawn_blocking(move || Reader::new(&own, TOOL)?.leader(&name, partition));
    let leader = Config { kafka_brokers: leader.await.context("asking for the leader")??, ..config.clone() };
    let mut connection = Connection::open(&leader).await?;
    let mut offset = offset;
    loop {
        let response = connection.call(FETCH, &request(topic, partition, offset)).await?;
        let (batch, has_no_records) =
            read(response).with_context(|| format!("reading {topic}/{partition} at offset {offset}"))?;
        if !has_no_records {
            return Ok(batch);
        }
        offset = batch.last.max(offset) + 1;
    }
}

/// Returns true if a consumer can decode the batch. Blocks.
///
/// # Errors
///
/// Fails if the broker does not answer.
pub fn can_be_decoded(config: &Config, topic: &str, partition: i32, batch: Batch) -> anyhow::Result<bool> {
    let reader = Reader::new(config, TOOL)?.limited_like_a_consumer();
    let extent = Extent { partition, start: batch.first, end: batch.last + 1 };
    match reader.read(topic, &[extent], |_, _| {}) {
        Ok(()) => Ok(true),
        Err(error) if error.downcast_ref().is_some_and(cannot_be_decoded) => Ok(false),
        Err(error) => Err(error),
    }
}

fn request(topic: &str, partition: i32, offset: i64) -> Vec<u8> {
    let mut out = Vec::new();
    // The replica id: -1, since the reader is not a replica.
    out.put_i32(-1);
    out.put_i32(MAX_WAIT_MS);
    out.put_i32(1);
    out.put_i32(MAX_RESPONSE_BYTES);
    // The isolation level: uncommitted records are returned, too.
    out.put_i8(0);
    out.put_i32(1);
    put_string(&mut out, topic);
    out.put_i32(1);
    out.put_i32(partition);
    out.put_i64(offset);
    out.put_i32(MAX_RESPONSE_BYTES);
    out
}

/// Returns the first batch of the response, and whether it is a control batch.
fn read(mut response: Bytes) -> anyhow::Result<(Batch, bool)> {
    let _throttled_ms = response.try_get_i32()?;
    ensure!(response.try_get_i32()? == 1, "the response is about another topic");
    nullable(&mut response)?;
    ensure!(response.try_get_i32()? == 1, "the response is about another partition");
    let _partition = response.try_get_i32()?;
    let code = response.try_get_i16()?;
    ensure!(code == 0, "Kafka's error {}", name(code));
    let (_high_watermark, _last_stable) = (response.try_get_i64()?, response.try_get_i64()?);
    for _ in 0..response.try_get_i32()?.max(0) {
        let (_producer, _first) = (response.try_get_i64()?, response.try_get_i64()?);
    }
    ensure!(response.try_get_i32()? > 0, "there is no batch");
    let first = response.try_get_i64()?;
    let (_length, _leader_epoch) = (response.try_get_i32()?, response.try_get_i32()?);
    let magic = response.try_get_i8()?;
    ensure!(magic == MAGIC, "the batch has the unknown layout {magic}");
    let (checksum, attributes) = (response.try_get_u32()?, response.try_get_i16()?);
    let last = first + i64::from(response.try_get_i32()?);
    Ok((Batch { first, last, checksum: Some(checksum) }, attributes & CONTROL != 0))
}

/// Returns one of Kafka's errors with its meaning; only the code if librdkafka does not know it.
fn name(code: i16) -> String {
    match RDKafkaRespErr::try_from(i32::from(code)) {
        Ok(known) => RDKafkaErrorCode::from(known).to_string(),
        Err(_) => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(code: i16, batch: bool, attributes: i16) -> Bytes {
        let mut out = vec![0; 4];
        out.put_i32(1);
        put_string(&mut out, "orders");
        out.put_i32(1);
        out.put_i32(2);
        out.put_i16(code);
        out.extend([0; 16]);
        // One aborted transaction.
        out.put_i32(1);
        out.extend([0; 16]);
        out.put_i32(if batch { 61 } else { 0 });
        out.put_i64(17);
        out.extend([0; 8]);
        out.put_i8(MAGIC);
        out.put_u32(42);
        out.put_i16(attributes);
        out.put_i32(249);
        out.into()
    }

    #[test]
    fn a_batch_is_read_from_its_header() {
        let batch = Batch { first: 17, last: 266, checksum: Some(42) };

        assert_eq!(read(response(0, true, 0)).unwrap(), (batch, false));
        assert_eq!(batch.count(), 250);
    }

    #[test]
    fn a_batch_that_ends_a_transaction_has_no_records() {
        // A zstd-compressed batch in a transaction, and the end of a transaction.
        let has_none = |attributes| read(response(0, true, attributes)).unwrap().1;

        assert_eq!([0b1_0100, 0b11_0000].map(has_none), [false, true]);
    }

    #[test]
    fn an_error_a_missing_batch_and_a_response_that_ends_early_are_errors() {
        let refusal = |code| read(response(code, true, 0)).unwrap_err().to_string();
        assert_eq!(refusal(1), "Kafka's error OffsetOutOfRange (Broker: Offset out of range)");
        assert_eq!(refusal(9_999), "Kafka's error 9999");
        assert_eq!(read(response(0, false, 0)).unwrap_err().to_string(), "there is no batch");
        let whole = response(0, true, 0);
        for end in 0..whole.len() {
            read(whole.slice(..end)).unwrap_err();
        }
    }
}
