//! Reads topics from their start to their current end, for tools. A reader joins no group and commits only the offsets
//! that [`Reader::mark`] sets.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, KafkaResult},
    metadata::MetadataTopic,
    types::RDKafkaErrorCode::{
        self, CoordinatorLoadInProgress, CoordinatorNotAvailable, LeaderNotAvailable, NotCoordinator,
        NotLeaderForPartition, UnknownTopicOrPartition,
    },
};

use super::{
    Config, Message,
    connection_errors::Listening,
    consumer::{FETCH_MAX_BYTES, RECEIVE_MAX_BYTES},
    refusal::refused,
};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request is retried while a partition has no leader or a group no coordinator, and the backoff.
const MAX_RETRIES: usize = 50;
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// The errors that a broker returns shortly after it has started or a topic was created.
const PASSING: [RDKafkaErrorCode; 6] = [
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    LeaderNotAvailable,
    NotCoordinator,
    NotLeaderForPartition,
    UnknownTopicOrPartition,
];

/// A reader of topics. Its methods block; async callers use [`tokio::task::spawn_blocking`].
pub struct Reader {
    client: ClientConfig,
    /// Requests metadata and committed offsets. [`Reader::read`] creates another consumer.
    consumer: BaseConsumer<Listening>,
}

/// The offsets of a partition's records now, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub partition: i32,
    pub start: i64,
    pub end: i64,
}

/// An offset that a tool's consumer group has committed, with its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The offset of the first unprocessed record.
    pub next: i64,
    pub note: String,
}

impl Reader {
    /// Creates a reader that reads and writes the marks of `group`.
    pub fn new(config: &Config, group: &str) -> anyhow::Result<Self> {
        let mut client = config.client();
        client
            .set("group.id", format!("{}{group}", config.kafka_group_prefix))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.wait.max.ms", "100");
        let consumer = client.create_with_context(Listening::default()).context("creating a Kafka consumer")?;
        Ok(Self { client, consumer })
    }

    /// Makes [`read`](Self::read) fail at a batch that a [`Consumer`](super::Consumer) cannot decode.
    #[must_use]
    pub fn limited_like_a_consumer(mut self) -> Self {
        self.client.set("receive.message.max.bytes", RECEIVE_MAX_BYTES).set("fetch.max.bytes", FETCH_MAX_BYTES);
        self
    }

    /// Returns the id of the cluster, if it has one and this reader has asked for extents.
    pub fn cluster(&self) -> Option<String> {
        self.consumer.client().fetch_cluster_id(Duration::ZERO)
    }

    /// Returns the extents of a topic's partitions. Returns none for a topic that does not exist.
    pub fn extents(&self, topic: &str) -> anyhow::Result<Vec<Extent>> {
        let metadata = match self.consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT) {
            Ok(metadata) => metadata,
            Err(error) => {
                refused(&self.consumer)?;
                let error = self.consumer.context().reasons.beside(error);
                return Err(anyhow::anyhow!(error)).context("asking Kafka for its topics");
            }
        };
        let partitions = metadata.topics().iter().filter(|known| known.name() == topic);
        partitions
            .flat_map(MetadataTopic::partitions)
            .map(|partition| {
                let partition = partition.id();
                let watermarks = retried(|| self.consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT));
                let (start, end) = watermarks.with_context(|| format!("asking Kafka how long {topic} is"))?;
                Ok(Extent { partition, start, end })
            })
            .collect()
    }

    /// Calls `each` with every record of these extents and its timestamp, in order within a partition.
    pub fn read(
        &self,
        topic: &str,
        extents: &[Extent],
        mut each: impl FnMut(Message, DateTime<Utc>),
    ) -> anyhow::Result<()> {
        let mut left: HashMap<i32, i64> =
            extents.iter().filter(|one| one.start < one.end).map(|one| (one.partition, one.end)).collect();
        let mut assignment = TopicPartitionList::new();
        for extent in extents.iter().filter(|extent| left.contains_key(&extent.partition)) {
            assignment.add_partition_offset(topic, extent.partition, Offset::Offset(extent.start))?;
        }
        let consumer: BaseConsumer = self.client.create().context("creating a Kafka consumer")?;
        consumer.assign(&assignment).with_context(|| format!("reading {topic}"))?;
        while !left.is_empty() {
            match consumer.poll(REQUEST_TIMEOUT) {
                Some(Ok(record)) => {
                    let partition = record.partition();
                    let Some(end) = left.get(&partition).copied() else { continue };
                    if record.offset() < end {
                        let at = record.timestamp().to_millis().and_then(DateTime::from_timestamp_millis);
                        each(Message::from(&record), at.unwrap_or_default());
                    }
                    if record.offset() + 1 >= end {
                        left.remove(&partition);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    left.remove(&partition);
                }
                Some(Err(error)) => return Err(error).with_context(|| format!("reading {topic}")),
                None => anyhow::bail!("reading {topic}: Kafka does not answer"),
            }
        }
        Ok(())
    }

    /// Returns the partitions with another record, or none yet, at the offset of the last record that a
    /// [`Consumer`](super::Consumer) of this group has handled: the topic was deleted and created again, and the group
    /// has to be reset. A record that has expired does not count.
    pub fn foreign_marks(&self, topic: &str) -> anyhow::Result<Vec<i32>> {
        let partitions: Vec<i32> = self.extents(topic)?.iter().map(|extent| extent.partition).collect();
        if partitions.is_empty() {
            return Ok(partitions);
        }
        // The extents are read after the marks, which the group moves meanwhile.
        let marks = self.marks(topic, &partitions)?;
        let extents = self.extents(topic)?;
        let (mut foreign, mut handled) = (Vec::new(), Vec::new());
        for extent in extents {
            match marks.get(&extent.partition) {
                Some(mark) if mark.next > extent.end => foreign.push(extent.partition),
                Some(mark) if mark.next > extent.start => {
                    handled.push(Extent { start: mark.next - 1, end: mark.next, ..extent });
                }
                _ => {}
            }
        }
        self.read(topic, &handled, |message, _| {
            // Versions before December 2026 stored the topic's id in this metadata.
            let noted = marks.get(&message.partition).filter(|mark| mark.note.parse::<i64>().is_ok());
            if noted.is_some_and(|mark| mark.note != message.note()) {
                foreign.push(message.partition);
            }
        })?;
        Ok(foreign)
    }

    /// Returns the marks of this reader's group, by partition.
    pub fn marks(&self, topic: &str, partitions: &[i32]) -> anyhow::Result<HashMap<i32, Mark>> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(topic, *partition);
        }
        let asked = retried(|| self.consumer.committed_offsets(list.clone(), REQUEST_TIMEOUT));
        let committed = asked.context("asking Kafka for offsets")?;
        let marks = committed.elements().into_iter().filter_map(|element| {
            let Offset::Offset(next) = element.offset() else { return None };
            Some((element.partition(), Mark { next, note: element.metadata().to_owned() }))
        });
        Ok(marks.collect())
    }

    /// Replaces the group's mark in one partition. A broker accepts a note of at most 4096 bytes.
    pub fn mark(&self, topic: &str, partition: i32, mark: &Mark) -> anyhow::Result<()> {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, partition);
        element.set_offset(Offset::Offset(mark.next))?;
        element.set_metadata(&mark.note);
        retried(|| self.consumer.commit(&list, CommitMode::Sync)).context("writing an offset to Kafka")
    }
}

/// Retries a request while it has no leader or coordinator. Blocks.
fn retried<T>(request: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
    let is_passing = |error: &KafkaError| error.rdkafka_error_code().is_some_and(|code| PASSING.contains(&code));
    for _ in 0..MAX_RETRIES {
        match request() {
            Err(error) if is_passing(&error) => std::thread::sleep(RETRY_DELAY),
            outcome => return outcome,
        }
    }
    request()
}
