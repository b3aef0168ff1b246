//! The extents of batches, read from their headers, so also of a batch that librdkafka cannot decode.

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
/// The attributes of a batch in a transaction, and of one that ends a transaction.
const TRANSACTIONAL: i16 = 1 << 4;
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

/// What consumers get of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Records,
    /// Nothing, since the transaction of the batch was aborted. They decode the batch all the same.
    Aborted,
    /// Nothing: the batch ends a transaction.
    End,
}

/// Returns the batches at which a consumer with this position may be unable to go on: those of aborted transactions,
/// and the first one of which consumers get records, if there is one.
///
/// # Errors
///
/// Fails if the partition does not have this offset, or the broker does not answer.
pub async fn batches_at(config: &Config, topic: &str, partition: i32, offset: i64) -> anyhow::Result<Vec<Batch>> {
    let (own, name) = (config.clone(), topic.to_owned());
    let leader = tokio::task::spawn_blocking(move || Reader::new(&own, TOOL)?.leader(&name, partition));
    let leader = Config { kafka_brokers: leader.await.context("asking for the leader")??, ..config.clone() };
    let mut connection = Connection::open(&leader).await?;
    let (mut offset, mut batches) = (offset, Vec::new());
    loop {
        let response = connection.call(FETCH, &request(topic, partition, offset)).await?;
        let found = read(response).with_context(|| format!("reading {topic}/{partition} at offset {offset}"))?;
        let Some((batch, content)) = found else { return Ok(batches) };
        if content != Content::End {
            batches.push(batch);
        }
        if content == Content::Records {
            return Ok(batches);
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
    // Otherwise the reader would go on to the next batch if the transaction of this one was aborted.
    let reader = Reader::new(config, TOOL)?.limited_like_a_consumer().including_aborted();
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
    // The records before the first open transaction are returned, and which of their transactions were aborted.
    out.put_i8(1);
    out.put_i32(1);
    put_string(&mut out, topic);
    out.put_i32(1);
    out.put_i32(partition);
    out.put_i64(offset);
    out.put_i32(MAX_RESPONSE_BYTES);
    out
}

/// Returns the first batch of the response; `None` if there is no batch.
fn read(mut response: Bytes) -> anyhow::Result<Option<(Batch, Content)>> {
    let _throttled_ms = response.try_get_i32()?;
    ensure!(response.try_get_i32()? == 1, "the response is about another topic");
    nullable(&mut response)?;
    ensure!(response.try_get_i32()? == 1, "the response is about another partition");
    let _partition = response.try_get_i32()?;
    let code = response.try_get_i16()?;
    ensure!(code == 0, "Kafka's error {}", name(code));
    let (_high_watermark, _last_stable) = (response.try_get_i64()?, response.try_get_i64()?);
    let mut aborted = Vec::new();
    for _ in 0..response.try_get_i32()?.max(0) {
        let (producer, since) = (response.try_get_i64()?, response.try_get_i64()?);
        aborted.push((producer, since));
    }
    if response.try_get_i32()? <= 0 {
        return Ok(None);
    }
    let first = response.try_get_i64()?;
    let (_length, _leader_epoch) = (response.try_get_i32()?, response.try_get_i32()?);
    let magic = response.try_get_i8()?;
    ensure!(magic == MAGIC, "the batch has the unknown layout {magic}");
    let (checksum, attributes) = (response.try_get_u32()?, response.try_get_i16()?);
    let last = first + i64::from(response.try_get_i32()?);
    let (_first_ms, _last_ms) = (response.try_get_i64()?, response.try_get_i64()?);
    let own = response.try_get_i64()?;
    // The broker names the aborted transactions that have not ended before this batch.
    let is_aborted = aborted.iter().any(|(producer, since)| *producer == own && *since <= first);
    let content = match (attributes & CONTROL != 0, attributes & TRANSACTIONAL != 0 && is_aborted) {
        (true, _) => Content::End,
        (false, true) => Content::Aborted,
        (false, false) => Content::Records,
    };
    Ok(Some((Batch { first, last, checksum: Some(checksum) }, content)))
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

    /// Returns a response with a transaction of producer 7 that began at offset 17 and was aborted. `batch` is the
    /// attributes, the first offset and the producer of a batch.
    fn response(code: i16, batch: Option<(i16, i64, i64)>) -> Bytes {
        let mut out = vec![0; 4];
        out.put_i32(1);
        put_string(&mut out, "orders");
        out.put_i32(1);
        out.put_i32(2);
        out.put_i16(code);
        out.extend([0; 16]);
        out.put_i32(1);
        out.put_i64(7);
        out.put_i64(17);
        let Some((attributes, first, producer)) = batch else {
            out.put_i32(0);
            return out.into();
        };
        out.put_i32(61);
        out.put_i64(first);
        out.extend([0; 8]);
        out.put_i8(MAGIC);
        out.put_u32(42);
        out.put_i16(attributes);
        out.put_i32(249);
        out.extend([0; 16]);
        out.put_i64(producer);
        out.into()
    }

    #[test]
    fn a_batch_is_read_from_its_header() {
        let batch = Batch { first: 17, last: 266, checksum: Some(42) };

        assert_eq!(read(response(0, Some((0, 17, -1)))).unwrap(), Some((batch, Content::Records)));
        assert_eq!(read(response(0, None)).unwrap(), None);
        assert_eq!(batch.count(), 250);
    }

    #[test]
    fn consumers_get_no_records_of_an_aborted_transaction_and_of_its_end() {
        // Compressed with zstd, in a transaction; the end of one; and without a transaction.
        let (within, end, without) = (0b1_0100, 0b11_0000, 0b100);
        let content = |attributes, first, producer| {
            let found = read(response(0, Some((attributes, first, producer)))).unwrap();
            found.map(|(_, content)| content)
        };

        assert_eq!(content(within, 17, 7), Some(Content::Aborted));
        assert_eq!(content(within, 20, 7), Some(Content::Aborted));
        assert_eq!(content(end, 22, 7), Some(Content::End));
        // Consumers get the records of an earlier transaction, of another producer, and those outside of transactions.
        assert_eq!(content(within, 16, 7), Some(Content::Records));
        assert_eq!(content(within, 20, 8), Some(Content::Records));
        assert_eq!(content(without, 20, 7), Some(Content::Records));
    }

    #[test]
    fn an_error_and_a_response_that_ends_early_are_errors() {
        let refusal = |code| read(response(code, None)).unwrap_err().to_string();
        assert_eq!(refusal(1), "Kafka's error OffsetOutOfRange (Broker: Offset out of range)");
        assert_eq!(refusal(9_999), "Kafka's error 9999");
        let whole = response(0, Some((0, 17, -1)));
        for end in 0..whole.len() {
            read(whole.slice(..end)).unwrap_err();
        }
    }
}
