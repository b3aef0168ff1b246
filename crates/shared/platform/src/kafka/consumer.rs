//! At-least-once consumer of one topic. It handles partitions in parallel, and within a partition messages with different keys.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::FutureExt as _;
use rdkafka::{
    TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Config, Handler, Message, Refusal, ensure_topics, metrics::count_from_zero, rebalance::Context, witness::Reasons,
    workers::Workers,
};
use crate::{health::Condition, outage::Outage, retry};

/// The time in milliseconds after a consumer's last heartbeat at which it loses its partitions.
const SESSION_TIMEOUT_MS: &str = "6000";

/// The maximum size in bytes of a fetch response. A single larger batch is still returned, alone.
const FETCH_MAX_BYTES: &str = "4194304";
/// The maximum size of a batch in bytes after librdkafka has decompressed it with zstd. A larger batch is an error that
/// blocks its partition. For gzip, LZ4 and Snappy, librdkafka has no such limit; a batch can reach the broker's `max.message.bytes` times
/// the best ratio of the codec.
const RECEIVE_MAX_BYTES: &str = "8388608";

/// Consumes one topic within one group until it is stopped.
///
/// The consumer stores the offset of a message after the message's effect, and librdkafka commits stored offsets. A transient failure is
/// retried in place, so that the order within a key holds while other partitions continue. A poison message goes to the dead-letter topic.
pub struct Consumer {
    pub group: &'static str,
    pub topic: String,
    pub config: Config,
    /// Identifies this member among its replicas, across restarts; see [`Server::instance`](crate::server::Server::instance).
    pub instance_id: String,
    pub handler: Arc<dyn Handler>,
    /// The readiness condition that is met once this member has joined its group.
    pub joined: Condition,
}

impl Consumer {
    /// Consumes until `stop` is cancelled, then finishes the current messages and leaves the group.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        count_from_zero(self.group);
        let this = Arc::new(self);
        let mut pauses = retry::endless_backoff();
        let mut outage = Outage::new("Kafka", this.group);
        while !stop.is_cancelled() {
            match this.clone().consume(&stop, &mut outage).await {
                Ok(()) => break,
                Err(error) => {
                    if let Some(refusal) = error.downcast_ref::<Refusal>() {
                        this.joined.refuse(refusal.reason());
                    }
                    outage.met(format!("{error:#}"));
                    tokio::select! {
                        () = tokio::time::sleep(pauses.next().unwrap_or_default()) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
        Ok(())
    }

    async fn consume(self: Arc<Self>, stop: &CancellationToken, outage: &mut Outage) -> anyhow::Result<()> {
        let topics = [self.topic.as_str()];
        tokio::select! {
            made = ensure_topics(&self.config, &topics) => made?,
            () = stop.cancelled() => return Ok(()),
        }
        let workers = Arc::new(Workers::of_batches(self.handler.batch()));
        let broken = CancellationToken::new();
        let (joined, reasons) = (self.joined.clone(), Reasons::default());
        let context = Context { workers: workers.clone(), joined, broken: broken.clone(), reasons };
        let consumer: Arc<StreamConsumer<Context>> =
            Arc::new(self.client().create_with_context(context).context("creating a Kafka consumer")?);
        consumer.subscribe(&[&self.topic]).context("subscribing")?;
        let tracker = TaskTracker::new();
        let outcome = loop {
            let received = tokio::select! {
                received = consumer.recv() => received,
                () = workers.drained() => {
                    for partition in workers.resumable() {
                        let _ = consumer.resume(&one(&self.topic, partition));
                    }
                    continue;
                }
                () = broken.cancelled() => break Err(anyhow::anyhow!("a consumer broke and starts again")),
                // On an idle topic no message shows that the broker has recovered, so a minute without errors counts as recovery.
                () = outage.subsided() => {
                    outage.over();
                    continue;
                }
                () = stop.cancelled() => break Ok(()),
            };
            match received {
                Ok(message) => {
                    outage.over();
                    let message = Message::from(&message);
                    let partition = message.partition;
                    let full = workers.hand_over(message, |queue| {
                        let work = self.clone().work(queue, Arc::downgrade(&consumer), stop.clone());
                        let broken = broken.clone();
                        // If the worker of a partition panics, the consumer is rebuilt. Otherwise the partition would have no worker.
                        tracker.spawn(async move {
                            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                                broken.cancel();
                            }
                        });
                    });
                    if full {
                        let _ = consumer.pause(&one(&self.topic, partition));
                    }
                }
                Err(error) => {
                    if let Some((_, reason)) = consumer.client().fatal_error() {
                        tracing::error!(group = self.group, reason, "a consumer failed and starts again");
                        break Err(anyhow::anyhow!("Kafka: {reason}"));
                    }
                    // librdkafka reports a refusal only once. A new consumer makes it report again.
                    let what = format!("reading {} as {}", self.topic, self.group);
                    let reasons = &consumer.context().reasons;
                    if let Some(refusal) = Refusal::of(&error, &what, || reasons.last()) {
                        break Err(refusal.into());
                    }
                    outage.met(reasons.beside(error));
                }
            }
        };
        // Each worker ends after its current message. Dropping the consumer commits the stored offsets and leaves the group.
        workers.clear();
        tracker.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), tracker.wait()).await;
        tokio::task::spawn_blocking(move || drop(consumer)).await.context("leaving the group")?;
        outcome
    }

    fn client(&self) -> rdkafka::ClientConfig {
        let mut client = self.config.client();
        let group = format!("{}{}", self.config.kafka_group_prefix, self.group);
        client
            // A restarted member with the same id gets its former partitions back, even if it now subscribes to another topic. So the id
            // contains the topic.
            .set("group.instance.id", format!("{group}-{}-{}", self.topic, self.instance_id))
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            // A worker stores the offset after the effect of a message; librdkafka commits stored offsets.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "500")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS)
            .set("heartbeat.interval.ms", "1500")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("fetch.wait.max.ms", self.config.kafka_fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "200")
            // librdkafka waits this long to fetch again after its queue was full, even if the queue is drained sooner. The default is 1 s.
            .set("fetch.queue.backoff.ms", "50")
            // The default of 64 MiB is too much for a small container.
            .set("queued.max.messages.kbytes", "2048")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.max.bytes", FETCH_MAX_BYTES)
            .set("receive.message.max.bytes", RECEIVE_MAX_BYTES);
        client
    }
}

fn one(topic: &str, partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    list
}
