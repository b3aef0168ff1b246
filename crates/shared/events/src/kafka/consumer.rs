//! At-least-once consumer of one topic. It handles partitions concurrently, and within a partition messages with
//! different keys.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use base::{outage::Outage, readiness::Condition};
use rdkafka::{
    Message as _,
    consumer::{Consumer as _, StreamConsumer},
};
use scopeguard::ScopeGuard;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Config, Handler, KafkaRefusal, TopicCreator,
    close::{CLOSE_TIMEOUT, close},
    connection_errors::Reasons,
    dead_letter::DeadLetterProducer,
    lag::{self, Lag},
    last_response::Responses,
    membership::{Context, Membership},
    offset_resets::OffsetResets,
    partition_queue::{Reports, Unreadable},
    topic_creator::is_unknown,
    workers::Workers,
};

/// How long after its last heartbeat a consumer loses its partitions, in milliseconds.
const SESSION_TIMEOUT_MS: &str = "6000";

/// The maximum size in bytes of a fetch response. A larger batch is still returned, alone.
pub(super) const FETCH_MAX_BYTES: &str = "4194304";
/// The maximum size in bytes of the buffer into which librdkafka decompresses a zstd batch. librdkafka tries buffers of
/// growing size, each three times as large as the one before (or 4 000 bytes larger), up to this limit. So a batch of 8
/// MiB always fits; a batch of more than 24 MiB never fits and blocks its partition. With gzip, LZ4 and Snappy, only
/// the broker's `max.message.bytes` and the ratio of the codec limit a batch.
pub(super) const RECEIVE_MAX_BYTES: &str = "25169824";
/// How many queued messages of a partition make librdkafka stop fetching from it.
const QUEUED_MESSAGES: &str = "1000";
/// The size of a partition's queued messages, in KiB, at which librdkafka stops fetching from it. A fetch in progress
/// can add `fetch.message.max.bytes`.
const QUEUED_KILOBYTES: &str = "1024";
/// The time limit for requesting a partition's first offset when the topic has no record at the consumer's offset.
const WATERMARKS_TIMEOUT: Duration = Duration::from_secs(5);
/// The capacity of the channel for partition errors. While it is full, workers wait.
const REPORT_CAPACITY: usize = 16;

/// A consumer of one topic within one group.
///
/// It stores the offset of a message after the message's effect, and librdkafka commits stored offsets. A transient
/// failure is retried in place, so that the order within a key holds while other partitions continue. A poison message
/// goes to the dead-letter topic.
pub struct Consumer {
    pub(super) group: &'static str,
    pub(super) topic: String,
    pub(super) config: Config,
    pub(super) handler: Arc<dyn Handler>,
    /// False if programs outside write the topic, and so its records' headers.
    pub(super) trusts_headers: bool,
    membership: Membership,
    joined: Condition,
    topics: TopicCreator,
    pub(super) dead_letters: DeadLetterProducer,
}

pub struct TopicSubscription {
    pub group: &'static str,
    pub topic: String,
    pub handler: Arc<dyn Handler>,
}

impl Consumer {
    /// Creates a consumer. The condition `joined` is met once it has joined its group.
    pub fn new(config: &Config, subscription: TopicSubscription, joined: Condition) -> Self {
        let TopicSubscription { group, topic, handler } = subscription;
        Self {
            group,
            topic,
            config: config.clone(),
            handler,
            trusts_headers: true,
            membership: Membership::new(format!("{}{group}", config.kafka_group_prefix)),
            joined,
            topics: TopicCreator::new(config),
            dead_letters: DeadLetterProducer::default(),
        }
    }

    /// Makes the consumer create its topic together with those declared with [`TopicCreator::expect`].
    #[must_use]
    pub fn creating(mut self, topics: &TopicCreator) -> Self {
        topics.expect([self.topic.clone()]);
        self.topics = topics.clone();
        self
    }

    /// Makes the consumer a static member of its group. If its process is killed and another is started at the same
    /// place, the other gets the partitions at once, instead of after the session of the first.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.membership = self.membership.at(format!("{place}{}", self.topic));
        self
    }

    /// Makes each record begin a new trace and have no age, for a topic that programs outside write. Otherwise a
    /// stranger would choose the trace ids of this system's spans, whether they are recorded, the baggage of its calls
    /// and events, and how old events appear.
    #[must_use]
    pub fn from_outside(mut self) -> Self {
        self.trusts_headers = false;
        self
    }

    /// Consumes until `stop`, then finishes the current messages and leaves the group.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        count_from_zero(self.group);
        let this = Arc::new(self);
        let mut outage = Outage::new("Kafka", this.group);
        while !stop.is_cancelled() {
            match this.clone().consume(&stop, &mut outage).await {
                Ok(()) => break,
                Err(error) => {
                    if let Some(refusal) = error.downcast_ref::<KafkaRefusal>() {
                        this.joined.refuse(refusal.reason());
                    }
                    outage.met(format!("{error:#}"));
                    // The topic may have been deleted.
                    this.topics.forget(&this.topic);
                    tokio::select! {
                        () = tokio::time::sleep(outage.backoff()) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
        Ok(())
    }

    async fn consume(self: Arc<Self>, stop: &CancellationToken, outage: &mut Outage) -> anyhow::Result<()> {
        tokio::select! {
            made = self.topics.ensure([self.topic.as_str()]) => made?,
            () = stop.cancelled() => return Ok(()),
        }
        let broken = CancellationToken::new();
        let (errors, mut reported) = mpsc::channel(REPORT_CAPACITY);
        let (resets, mut reset) = mpsc::channel(REPORT_CAPACITY);
        let offset_resets = Arc::new(OffsetResets::new(self.group, &self.topic, resets));
        let unreadable = Arc::new(Unreadable::new(self.group, &self.topic));
        let reports = Reports { received: Arc::default(), errors, unreadable };
        let received = reports.received.clone();
        let workers = Workers::new(self.clone(), reports, stop.clone(), broken.clone());
        let context = Context {
            workers,
            joined: self.joined.clone(),
            offset_resets: offset_resets.clone(),
            broken: broken.clone(),
            reasons: Reasons::default(),
            responses: Responses::default(),
            lag: Lag::new(self.group, &self.topic),
        };
        let consumer: Arc<StreamConsumer<Context>> =
            Arc::new(self.client().create_with_context(context).context("creating a Kafka consumer")?);
        consumer.context().workers.read_from(&consumer);
        // Aborts the workers if this future is dropped. Otherwise they would keep the consumer, and a group member that
        // is no longer polled would keep its partitions.
        let group = self.group;
        let consumer = scopeguard::guard(consumer, move |consumer| {
            consumer.context().workers.abort();
            leave(group, consumer);
        });
        consumer.subscribe(&[&self.topic]).context("subscribing")?;
        let outcome = loop {
            let error = tokio::select! {
                // `recv` also runs the rebalance callbacks. Messages arrive in the queues of their partitions instead.
                unexpected = consumer.recv() => match unexpected {
                    Ok(message) => break Err(anyhow::anyhow!("partition {} has no queue", message.partition())),
                    Err(error) => error,
                },
                Some(error) = reported.recv() => error,
                Some(reset) = reset.recv() => {
                    let (consumer, topic) = (consumer.clone(), self.topic.clone());
                    let extent =
                        tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, reset.partition, WATERMARKS_TIMEOUT));
                    if let Ok(Ok((start, _))) = extent.await {
                        offset_resets.report(reset, start);
                    }
                    continue;
                }
                () = received.notified() => {
                    outage.over();
                    continue;
                }
                () = self.dead_letters.close_idle() => continue,
                () = broken.cancelled() => break Err(anyhow::anyhow!("the consumer broke, or Kafka does not answer")),
                // On an idle topic no message shows that the broker has recovered, so a minute without errors counts as
                // recovery.
                () = outage.subsided() => {
                    outage.over();
                    continue;
                }
                () = stop.cancelled() => break Ok(()),
            };
            if let Some((code, reason)) = consumer.client().fatal_error() {
                tracing::error!(group = self.group, reason, "consumer failed, restarting");
                self.membership.failed(code);
                break Err(anyhow::anyhow!("Kafka: {reason}"));
            }
            // librdkafka reports a refusal only once. A new consumer makes it report again.
            let what = format!("reading {} as {}", self.topic, self.group);
            let reasons = &consumer.context().reasons;
            if let Some(refusal) = KafkaRefusal::from_error(&error, &what, || reasons.last()) {
                break Err(refusal.into());
            }
            // The topic was deleted. A new consumer creates it again, and finds it without waiting for the next refresh
            // of metadata.
            if is_unknown(error.rdkafka_error_code()) {
                break Err(error.into());
            }
            outage.met(reasons.beside(error));
        };
        drop(reported);
        consumer.context().workers.end().await;
        // Leaves the group even if the client is only rebuilt: a static member that joins again gets its previous
        // assignment, which lacks the partitions that were added to the topic meanwhile.
        self.membership.leave(&consumer).await;
        let consumer = ScopeGuard::into_inner(consumer);
        tokio::task::spawn_blocking(move || leave(group, consumer)).await.context("leaving the group")?;
        outcome
    }

    fn client(&self) -> rdkafka::ClientConfig {
        let mut client = self.config.client();
        self.membership.configure(&mut client);
        client
            .set("statistics.interval.ms", lag::INTERVAL_MS)
            .set("auto.offset.reset", "earliest")
            // librdkafka commits stored offsets, and a worker stores them after the effect.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "500")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS)
            .set("heartbeat.interval.ms", "1500")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("fetch.wait.max.ms", self.config.kafka_fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "200")
            // librdkafka stops fetching from a partition while its queue has this many messages or kilobytes. The
            // default of 64 MiB is too large for a small container.
            .set("queued.min.messages", QUEUED_MESSAGES)
            .set("queued.max.messages.kbytes", QUEUED_KILOBYTES)
            // How long librdkafka waits after a full queue before it fetches again, even if the queue is drained
            // sooner. The default is 1 s.
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.message.max.bytes", "1048576")
            .set("fetch.max.bytes", FETCH_MAX_BYTES)
            .set("receive.message.max.bytes", RECEIVE_MAX_BYTES)
            // Makes a damaged batch an error.
            .set("check.crcs", "true");
        client
    }
}

/// Commits the stored offsets and leaves the group. Blocks.
fn leave(group: &str, consumer: Arc<StreamConsumer<Context>>) {
    if !close(consumer, CLOSE_TIMEOUT) {
        tracing::error!(group, "consumer did not close in time, abandoned");
    }
}

/// Exports the counters and histograms of a consumer group before the first sample. Otherwise a series would begin with
/// its first increment, which `rate()` would miss.
fn count_from_zero(group: &'static str) {
    metrics::counter!("kafka_messages_handled_total", "group" => group).increment(0);
    metrics::counter!("kafka_message_retries_total", "group" => group).increment(0);
    metrics::counter!("kafka_dead_letters_total", "group" => group).increment(0);
    metrics::counter!("kafka_handler_panics_total", "group" => group).increment(0);
    let _ = metrics::histogram!("kafka_message_handling_seconds", "group" => group);
    let _ = metrics::histogram!("event_age_seconds", "group" => group);
    metrics::counter!("kafka_records_missed_total", "group" => group).increment(0);
    metrics::counter!("kafka_positions_reset_total", "group" => group).increment(0);
}
