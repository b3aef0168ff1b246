//! The queue into which librdkafka fetches the messages of one partition, and the partitions whose next batch cannot be
//! decoded: it is corrupt, too large, or compressed with an unknown codec. The consumer waits until the batch is
//! repaired, or deleted from the topic.
//!
//! librdkafka stops fetching from a partition while its queue is full, and continues within `fetch.queue.backoff.ms`
//! once it is not. Pausing the partition would also bound the queue, but librdkafka drops the fetched messages of a
//! paused partition, and after a resume it may take a second to fetch again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, ConsumerContext, StreamConsumer, stream_consumer::StreamPartitionQueue},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};
use tokio::{
    sync::{Notify, mpsc},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;

use super::{Consumer, Message};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The backoff before an unreadable batch is fetched again.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The channels through which queues report to the consumer.
#[derive(Clone)]
pub(super) struct Reports {
    /// Notified when a worker has received messages, which ends a recorded outage.
    pub received: Arc<Notify>,
    pub errors: mpsc::Sender<KafkaError>,
    pub unreadable: Arc<Unreadable>,
}

/// The receiving end of a partition's queue. Its worker owns it.
pub(super) struct PartitionQueue<C: ConsumerContext> {
    queue: StreamPartitionQueue<C>,
    client: Arc<StreamConsumer<C>>,
    consumer: Arc<Consumer>,
    partition: i32,
    /// The id of the cluster; empty if it has none.
    cluster: String,
    /// The offset of the next message. `None` until a message was received or a batch could not be read.
    next: Option<i64>,
    is_unreadable: bool,
    /// The error of the batch at the next offset, until the queue is set to this batch again. librdkafka continues
    /// after a corrupt batch, so the queue may have messages that must not be handled before it.
    undecoded: Option<KafkaError>,
    /// Cancelled when the partition is assigned to another member, or the consumer stops.
    pub closed: CancellationToken,
    reports: Reports,
}

impl<C: ConsumerContext + 'static> PartitionQueue<C> {
    /// Opens the queue of a partition. At most one may be open per partition. Returns `None` if there is no such
    /// partition.
    pub fn open(
        client: &Arc<StreamConsumer<C>>,
        consumer: &Arc<Consumer>,
        partition: i32,
        closed: CancellationToken,
        reports: Reports,
    ) -> Option<Self> {
        Some(Self {
            queue: client.split_partition_queue(&consumer.topic, partition)?,
            client: client.clone(),
            consumer: consumer.clone(),
            partition,
            // It is known since the group was joined.
            cluster: client.client().fetch_cluster_id(Duration::ZERO).unwrap_or_default(),
            next: None,
            is_unreadable: false,
            undecoded: None,
            closed,
            reports,
        })
    }

    /// Waits for a message, and appends it and the messages fetched after it to `messages`, until there are `limit`.
    pub async fn receive(&mut self, messages: &mut Vec<Message>, limit: usize) {
        while messages.is_empty() {
            while let Some(error) = self.undecoded.clone() {
                if let Err(error) = self.wait_until_readable(&error).await {
                    self.warn(&error);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
            match self.queue.recv().await.map(|message| Message::from(&message)) {
                Ok(message) => self.take(message, messages),
                Err(error) if cannot_be_decoded(&error) => self.undecoded = Some(error),
                Err(error) => self.report(error).await,
            }
        }
        self.receive_fetched(messages, limit).await;
        self.reports.received.notify_one();
    }

    /// Appends the messages fetched so far to `messages`, until there are `limit`.
    pub async fn receive_fetched(&mut self, messages: &mut Vec<Message>, limit: usize) {
        while messages.len() < limit && self.undecoded.is_none() {
            match self.queue.recv().now_or_never().map(|received| received.map(|message| Message::from(&message))) {
                Some(Ok(message)) => self.take(message, messages),
                Some(Err(error)) if cannot_be_decoded(&error) => self.undecoded = Some(error),
                Some(Err(error)) => self.report(error).await,
                None => break,
            }
        }
    }

    /// Stores the offset of a handled message and its time, by which `doctor` finds a topic that was created again.
    /// librdkafka commits them.
    pub fn store(&self, message: &Message) {
        // Fails if the partition has moved; its new owner finds the effect in its database.
        let _ = self.store_next(message);
    }

    fn take(&mut self, message: Message, messages: &mut Vec<Message>) {
        let message = Message { cluster: self.cluster.clone(), ..message };
        self.next = Some(message.offset + 1);
        if std::mem::take(&mut self.is_unreadable) {
            self.reports.unreadable.remove(self.partition);
        }
        messages.push(message);
    }

    /// Reports the batch at the current offset, and continues at this batch after a backoff. Fails if the offset is
    /// not known.
    async fn wait_until_readable(&mut self, error: &KafkaError) -> anyhow::Result<()> {
        let offset = match self.next {
            Some(next) => next,
            None => self.start().await?,
        };
        self.next = Some(offset);
        self.is_unreadable = true;
        self.reports.unreadable.add(self.partition, offset, error);
        tokio::time::sleep(RETRY_DELAY).await;
        while let Err(error) = self.seek(offset).await {
            self.warn(&error);
            tokio::time::sleep(RETRY_DELAY).await;
        }
        self.undecoded = None;
        Ok(())
    }

    fn warn(&self, error: &anyhow::Error) {
        let (group, topic, partition) = (self.consumer.group, &self.consumer.topic, self.partition);
        let error = format!("{error:#}");
        tracing::warn!(group, topic, partition, error, "re-reading the unreadable batch failed, retrying");
    }

    /// Returns the offset at which reading of this partition starts, for a worker that has not received a message yet.
    async fn start(&self) -> anyhow::Result<i64> {
        let (client, topic, partition) = (self.client.clone(), self.consumer.topic.clone(), self.partition);
        let start = spawn_blocking(move || -> KafkaResult<i64> {
            let mut own = TopicPartitionList::new();
            own.add_partition(&topic, partition);
            let committed = client.committed_offsets(own, REQUEST_TIMEOUT)?;
            let committed = committed.elements().into_iter().find_map(|one| match one.offset() {
                Offset::Offset(next) => Some(next),
                _ => None,
            });
            committed.map_or_else(|| Ok(client.fetch_watermarks(&topic, partition, REQUEST_TIMEOUT)?.0), Ok)
        });
        Ok(start.await??)
    }

    /// Drops the fetched messages, and continues at `offset`.
    async fn seek(&self, offset: i64) -> anyhow::Result<()> {
        let (client, topic, partition) = (self.client.clone(), self.consumer.topic.clone(), self.partition);
        let seeking = spawn_blocking(move || client.seek(&topic, partition, Offset::Offset(offset), REQUEST_TIMEOUT));
        Ok(seeking.await??)
    }

    fn store_next(&self, message: &Message) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.consumer.topic, self.partition);
        element.set_offset(Offset::Offset(message.offset + 1))?;
        element.set_metadata(message.note());
        self.client.store_offsets(&list)
    }

    async fn report(&self, error: KafkaError) {
        // Fails when the consumer ends.
        let _ = self.reports.errors.send(error).await;
    }
}

impl<C: ConsumerContext> Drop for PartitionQueue<C> {
    fn drop(&mut self) {
        if self.is_unreadable {
            self.reports.unreadable.remove(self.partition);
        }
    }
}

/// Returns true if librdkafka cannot decode a batch. It reports the same error again and again.
pub fn cannot_be_decoded(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        BadCompression, BadMessage, InvalidMessage, InvalidMessageSize, MessageSizeTooLarge, NotImplemented,
        UnsupportedCompressionType,
    };

    matches!(
        error.rdkafka_error_code(),
        Some(
            BadCompression
                | BadMessage
                | InvalidMessage
                | InvalidMessageSize
                | MessageSizeTooLarge
                | NotImplemented
                | UnsupportedCompressionType
        )
    )
}

pub(super) struct Unreadable {
    group: &'static str,
    topic: String,
    partitions: Mutex<BTreeSet<i32>>,
}

impl Unreadable {
    pub fn new(group: &'static str, topic: &str) -> Self {
        let this = Self { group, topic: topic.to_owned(), partitions: Mutex::default() };
        this.export(&BTreeSet::new());
        this
    }

    /// Records that the batch of `partition` at this offset cannot be read.
    pub fn add(&self, partition: i32, offset: i64, error: &KafkaError) {
        let mut partitions = self.lock();
        if partitions.insert(partition) {
            let (group, topic) = (self.group, &self.topic);
            tracing::error!(
                group,
                topic,
                partition,
                offset,
                %error,
                "a batch cannot be read: its partition waits"
            );
        }
        self.export(&partitions);
    }

    /// Records that `partition` is readable again, or that another member reads it.
    pub fn remove(&self, partition: i32) {
        let mut partitions = self.lock();
        if partitions.remove(&partition) {
            let (group, topic) = (self.group, &self.topic);
            tracing::warn!(
                group,
                topic,
                partition,
                "the partition with a batch that cannot be read has recovered or moved"
            );
            self.export(&partitions);
        }
    }

    fn export(&self, partitions: &BTreeSet<i32>) {
        let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        metrics::gauge!("kafka_unreadable_partitions", "group" => self.group, "topic" => self.topic.clone()).set(count);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
