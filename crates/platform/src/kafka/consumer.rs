//! A member of a consumer group: partitions side by side, the messages of one partition one after another.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::Context as _;
use rdkafka::{
    ClientContext, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{
    Config, Failure, Handler, KafkaPublisher, Message,
    dead_letter::{abridged, dead_letter},
    ensure_topics,
    producer::is_too_large,
    workers::{Queue, Workers},
};
use crate::{health::Condition, outage::Outage, outbox::Publisher as _, retry, telemetry};

/// How long after its last heartbeat a consumer loses its partitions.
const SESSION_TIMEOUT_MS: &str = "6000";

/// Consumes one topic within one group until it is stopped.
///
/// Offsets are stored after a message's effect and committed from there. A transient failure is tried again in place, so
/// that the order within a key holds, while the other partitions go on. Poison goes to the dead-letter topic.
pub struct Consumer {
    pub group: &'static str,
    pub topic: String,
    pub config: Config,
    /// Tells this member from its replicas, across restarts; see [`Config::instance_id`].
    pub instance_id: String,
    pub handler: Arc<dyn Handler>,
    /// Met once this member has joined its group.
    pub joined: Condition,
}

impl Consumer {
    /// Consumes until `stop`; then finishes the messages in hand and leaves the group.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let this = Arc::new(self);
        let mut pauses = retry::patient();
        let mut outage = Outage::new("Kafka", this.group);
        while !stop.is_cancelled() {
            match this.clone().consume(&stop, &mut outage).await {
                Ok(()) => break,
                Err(error) => {
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
        let workers = Arc::new(Workers::default());
        let context = Context { workers: workers.clone(), joined: self.joined.clone() };
        let consumer: Arc<StreamConsumer<Context>> =
            Arc::new(self.client().create_with_context(context).context("creating a Kafka consumer")?);
        consumer.subscribe(&[&self.topic]).context("subscribing")?;
        let tracker = TaskTracker::new();
        let mut paused = Paused::default();
        let outcome = loop {
            let received = tokio::select! {
                received = consumer.recv() => received,
                () = workers.drained() => {
                    paused.resume(&consumer, &self.topic, &workers);
                    continue;
                }
                // Where no message comes, that no error comes is the only sign.
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
                    if workers.hand_over(message, |queue| {
                        tracker.spawn(self.clone().work(queue, Arc::downgrade(&consumer), stop.clone()));
                    }) {
                        paused.pause(&consumer, &self.topic, partition);
                    }
                }
                Err(error) => {
                    if let Some((_, reason)) = consumer.client().fatal_error() {
                        tracing::error!(group = self.group, reason, "a consumer failed and starts again");
                        break Err(anyhow::anyhow!("Kafka: {reason}"));
                    }
                    outage.met(error);
                }
            }
        };
        // Workers end with the message in hand; dropping the consumer commits what they stored and leaves the group.
        workers.clear();
        tracker.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await;
        tokio::task::spawn_blocking(move || drop(consumer)).await.context("leaving the group")?;
        outcome
    }

    fn client(&self) -> rdkafka::ClientConfig {
        let mut client = self.config.client();
        let group = format!("{}{}", self.config.kafka_group_prefix, self.group);
        client
            .set("group.instance.id", format!("{group}-{}", self.instance_id))
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            // Offsets are stored by hand after the effect; librdkafka commits what is stored.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "500")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS)
            .set("heartbeat.interval.ms", "1500")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("fetch.wait.max.ms", self.config.kafka_fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "200")
            // The default, 64 MiB, does not fit a small container.
            .set("queued.max.messages.kbytes", "2048")
            .set("fetch.message.max.bytes", "1048576");
        client
    }

    /// Handles the messages of one partition, one after another, until its queue is closed.
    async fn work(self: Arc<Self>, mut queue: Queue, consumer: Weak<StreamConsumer<Context>>, stop: CancellationToken) {
        while let Some(message) = queue.messages.recv().await {
            if queue.closed.is_cancelled() || stop.is_cancelled() {
                break;
            }
            let span = tracing::info_span!(
                "consume",
                otel.name = format!("{} process", message.topic),
                otel.kind = "consumer",
                group = self.group,
                partition = message.partition,
                offset = message.offset,
            );
            telemetry::continue_trace(&span, &message.headers);
            if !self.settle(&message, &queue.closed, &stop).instrument(span).await {
                break;
            }
            let Some(consumer) = consumer.upgrade() else { break };
            // Fails when the partition has moved meanwhile; whoever has it now finds the message in its inbox.
            let _ = consumer.store_offset(&message.topic, message.partition, message.offset);
            queue.done();
        }
    }

    /// Handles a message or buries it. False when it had to stop before.
    async fn settle(&self, message: &Message, closed: &CancellationToken, stop: &CancellationToken) -> bool {
        let mut pauses = retry::patient();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let start = tokio::time::Instant::now();
            let failure = match self.handler.handle(message).await {
                Ok(()) => {
                    metrics::counter!("kafka_messages_handled_total", "group" => self.group).increment(1);
                    metrics::histogram!("kafka_message_handling_seconds", "group" => self.group)
                        .record(start.elapsed());
                    return true;
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::Poison(problem) => match self.bury(message, &problem, attempts).await {
                    Ok(()) => return true,
                    Err(error) => tracing::warn!(
                        group = self.group,
                        error = format!("{error:#}"),
                        "the dead-letter topic is not reachable"
                    ),
                },
                Failure::Transient(error) => {
                    metrics::counter!("kafka_message_retries_total", "group" => self.group).increment(1);
                    tracing::warn!(
                        group = self.group,
                        attempts,
                        error = format!("{error:#}"),
                        "a message is tried again"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pauses.next().unwrap_or_default()) => {}
                () = closed.cancelled() => return false,
                () = stop.cancelled() => return false,
            }
        }
    }

    async fn bury(&self, message: &Message, problem: &str, attempts: u32) -> anyhow::Result<()> {
        tracing::error!(
            group = self.group,
            topic = message.topic,
            partition = message.partition,
            offset = message.offset,
            problem,
            "a message cannot be handled and goes to the dead-letter topic"
        );
        // Poison is rare: a producer of its own, for as long as it takes, costs nothing the rest of the time.
        let publish = async |letter| KafkaPublisher::new(&self.config)?.publish(vec![letter]).await;
        let letter = dead_letter(message, self.group, problem, attempts);
        match publish(letter.clone()).await {
            // Compressed it went through the broker; one record must not hold up its partition for ever.
            Err(error) if is_too_large(&error) => publish(abridged(letter)).await?,
            outcome => outcome?,
        }
        metrics::counter!("kafka_dead_letters_total", "group" => self.group).increment(1);
        Ok(())
    }
}

/// Closes the workers of partitions that move away.
struct Context {
    workers: Arc<Workers>,
    joined: Condition,
}

impl ClientContext for Context {
    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.workers.close(partitions);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            self.joined.set(true);
        }
    }
}

/// Partitions that are paused because their workers have enough to do. The consuming task alone pauses and resumes.
#[derive(Default)]
struct Paused(HashSet<i32>);

impl Paused {
    fn pause(&mut self, consumer: &StreamConsumer<Context>, topic: &str, partition: i32) {
        if self.0.insert(partition) {
            let _ = consumer.pause(&one(topic, partition));
        }
    }

    fn resume(&mut self, consumer: &StreamConsumer<Context>, topic: &str, workers: &Workers) {
        self.0.retain(|partition| match workers.has_room(*partition) {
            Some(true) => {
                let _ = consumer.resume(&one(topic, *partition));
                false
            }
            Some(false) => true,
            // It has moved away, and is not paused when it comes back.
            None => false,
        });
    }
}

fn one(topic: &str, partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    list
}
