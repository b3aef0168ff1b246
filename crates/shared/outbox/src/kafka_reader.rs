//! Reads topics of Kafka from their beginning to their end.

use std::{collections::HashMap, sync::Arc, time::Duration, vec};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
    types::RDKafkaErrorCode,
};
use uuid::Uuid;

use crate::{CheckedRecord, HEADER_EVENT_TIME, HEADER_EVENT_UUID, TopicReader};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of records that are read at once.
const BATCH_SIZE: usize = 5_000;

/// Reads topics for [`check()`](crate::check()), from the beginning to the high watermark of each partition. Needs the
/// feature `kafka`.
///
/// It joins no consumer group and commits no offset. A topic that does not exist counts as empty.
pub struct KafkaReader {
    config: ClientConfig,
    topics: Vec<String>,
    reading: Option<Reading>,
}

struct Reading {
    consumer: BaseConsumer,
    /// The topics that are not read yet.
    topics: vec::IntoIter<String>,
    topic: Arc<str>,
    /// The high watermarks of the partitions of `topic` that are not read completely.
    left: HashMap<i32, i64>,
    /// The partitions of `topic` whose first records are deleted, and the time of the first record that is left.
    cut: HashMap<i32, Option<DateTime<Utc>>>,
    complete_since: HashMap<String, DateTime<Utc>>,
}

impl KafkaReader {
    /// Creates a reader of these topics with librdkafka's settings, of which it needs `bootstrap.servers` and those for
    /// TLS and authentication. Connects when it is first read.
    pub fn new(config: &ClientConfig, topics: impl IntoIterator<Item = String>) -> Self {
        let mut config = config.clone();
        // librdkafka assigns no partition without a group's name.
        if config.get("group.id").is_none() {
            config.set("group.id", "outbox-check");
        }
        config
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest");
        let mut topics: Vec<String> = topics.into_iter().collect();
        topics.sort_unstable();
        topics.dedup();
        Self { config, topics, reading: None }
    }
}

#[async_trait]
impl TopicReader for KafkaReader {
    async fn read(&mut self) -> anyhow::Result<Vec<CheckedRecord>> {
        let (reading, config, topics) = (self.reading.take(), self.config.clone(), self.topics.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut reading = match reading {
                Some(reading) => reading,
                None => Reading::new(&config, topics)?,
            };
            let records = reading.batch()?;
            anyhow::Ok((reading, records))
        });
        let (reading, records) = task.await.context("reading topics")??;
        self.reading = Some(reading);
        Ok(records)
    }

    fn complete_since(&self, topic: &str) -> Option<DateTime<Utc>> {
        self.reading.as_ref()?.complete_since.get(topic).copied()
    }
}

impl Reading {
    fn new(config: &ClientConfig, topics: Vec<String>) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = config.create().context("creating a Kafka consumer")?;
        Ok(Self {
            consumer,
            topics: topics.into_iter(),
            topic: Arc::from(""),
            left: HashMap::new(),
            cut: HashMap::new(),
            complete_since: HashMap::new(),
        })
    }

    /// Reads the next records. Blocks.
    fn batch(&mut self) -> anyhow::Result<Vec<CheckedRecord>> {
        let mut records = Vec::new();
        while records.len() < BATCH_SIZE {
            if self.left.is_empty() {
                self.end();
                let Some(topic) = self.topics.next() else { break };
                self.begin(&topic).with_context(|| format!("asking Kafka for the partitions of {topic}"))?;
                continue;
            }
            match self.consumer.poll(REQUEST_TIMEOUT) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let Some(end) = self.left.get(&partition).copied() else { continue };
                    let at = message.timestamp().to_millis().and_then(DateTime::from_timestamp_millis);
                    if offset == 0 {
                        self.cut.remove(&partition);
                    } else if let Some(first) = self.cut.get_mut(&partition) {
                        *first = first.or(at);
                    }
                    if offset < end {
                        records.push(record(&message, &self.topic, at));
                    }
                    if offset + 1 >= end {
                        self.left.remove(&partition);
                    }
                }
                // The last offsets may be markers of transactions, which are not delivered.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.left.remove(&partition);
                }
                Some(Err(error)) => return Err(error).with_context(|| format!("reading {}", self.topic)),
                None => anyhow::bail!("reading {}: Kafka does not respond", self.topic),
            }
        }
        Ok(records)
    }

    /// Begins to read a topic.
    fn begin(&mut self, topic: &str) -> anyhow::Result<()> {
        self.topic = Arc::from(topic);
        let mut assignment = TopicPartitionList::new();
        let metadata = self.consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
        for known in metadata.topics().iter().filter(|known| known.name() == topic) {
            match known.error().map(RDKafkaErrorCode::from) {
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {}
                Some(code) => return Err(KafkaError::MetadataFetch(code).into()),
            }
            for partition in known.partitions() {
                let partition = partition.id();
                let (start, end) = self.consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT)?;
                if end > 0 {
                    self.cut.insert(partition, None);
                }
                if start < end {
                    self.left.insert(partition, end);
                    assignment.add_partition_offset(topic, partition, Offset::Offset(start))?;
                }
            }
        }
        self.consumer.assign(&assignment)?;
        Ok(())
    }

    /// Ends the topic that was read: it is complete since the latest first record of a partition that has lost records,
    /// and never if such a partition has no record left.
    fn end(&mut self) {
        let since = self.cut.drain().map(|(_, first)| first.unwrap_or(DateTime::<Utc>::MAX_UTC)).max();
        if let Some(since) = since {
            self.complete_since.insert(self.topic.to_string(), since);
        }
    }
}

fn record(message: &BorrowedMessage<'_>, topic: &Arc<str>, at: Option<DateTime<Utc>>) -> CheckedRecord {
    let written = header(message, HEADER_EVENT_TIME).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    CheckedRecord {
        topic: topic.clone(),
        partition: message.partition(),
        event: header(message, HEADER_EVENT_UUID).and_then(|text| Uuid::try_parse(text).ok()),
        written: written.map(|written| written.to_utc()).or(at),
    }
}

fn header<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let header = message.headers()?.iter().find(|header| header.key == name)?;
    str::from_utf8(header.value?).ok()
}
