//! The queue into which librdkafka fetches the messages of one partition.
//!
//! librdkafka stops fetching from a partition while its queue is full, and continues within `fetch.queue.backoff.ms` once it is not.
//! Pausing and resuming a partition would also bound the messages that wait, but librdkafka drops the fetched messages of a paused
//! partition, and after a resume it may take a second until it fetches again.

use std::sync::Arc;

use futures::FutureExt as _;
use rdkafka::{
    consumer::{Consumer as _, ConsumerContext, StreamConsumer, stream_consumer::StreamPartitionQueue},
    error::KafkaError,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::Message;

/// What queues report to the consumer.
#[derive(Clone)]
pub(super) struct Reports {
    /// Notified when a worker has taken messages from its queue with `receive`. The consumer then ends a recorded outage.
    pub received: Arc<Notify>,
    pub errors: mpsc::Sender<KafkaError>,
}

/// The receiving end of a partition's queue. Its worker owns it.
pub(super) struct PartitionQueue<C: ConsumerContext> {
    queue: StreamPartitionQueue<C>,
    client: Arc<StreamConsumer<C>>,
    /// Cancelled when the partition is assigned to another member, or the consumer stops.
    pub closed: CancellationToken,
    reports: Reports,
}

impl<C: ConsumerContext + 'static> PartitionQueue<C> {
    /// Opens the queue of a partition. At most one may be open per partition. Returns `None` if there is no such partition.
    pub fn open(
        client: &Arc<StreamConsumer<C>>,
        topic: &str,
        partition: i32,
        closed: CancellationToken,
        reports: Reports,
    ) -> Option<Self> {
        let queue = client.split_partition_queue(topic, partition)?;
        Some(Self { queue, client: client.clone(), closed, reports })
    }

    /// Waits for a message, and appends it and those that have been fetched after it to `messages`, until there are `most`.
    pub async fn receive(&self, messages: &mut Vec<Message>, most: usize) {
        while messages.is_empty() {
            match self.queue.recv().await {
                Ok(message) => messages.push(Message::from(&message)),
                Err(error) => self.report(error).await,
            }
        }
        self.receive_fetched(messages, most).await;
        self.reports.received.notify_one();
    }

    /// Appends the messages that have been fetched to `messages`, until there are `most`.
    pub async fn receive_fetched(&self, messages: &mut Vec<Message>, most: usize) {
        while messages.len() < most {
            match self.queue.recv().now_or_never() {
                Some(Ok(message)) => messages.push(Message::from(&message)),
                Some(Err(error)) => self.report(error).await,
                None => break,
            }
        }
    }

    /// Stores the offset of a handled message. librdkafka commits stored offsets.
    pub fn store(&self, message: &Message) {
        // Fails when the partition has moved meanwhile; its new owner finds the effect in its database.
        let _ = self.client.store_offset(&message.topic, message.partition, message.offset);
    }

    async fn report(&self, error: KafkaError) {
        // Fails when the consumer ends.
        let _ = self.reports.errors.send(error).await;
    }
}
