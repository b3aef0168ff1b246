//! The workers of the partitions that are assigned to this member, one task per partition. A worker handles messages
//! one by one, concurrently or in batches, and messages of one key in their order.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use base::{clock, trace};
use futures::{FutureExt as _, future::join_all};
use group_commit::BatchDelay;
use rdkafka::{
    TopicPartitionList,
    consumer::{ConsumerContext, StreamConsumer},
};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{Instrument as _, Span};

use super::{
    Consumer, Message,
    partition_queue::{PartitionQueue, Reports},
};

/// The time limit of a worker for its current messages when the consumer stops; then it is aborted.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Workers<C: ConsumerContext> {
    consumer: Arc<Consumer>,
    /// librdkafka's consumer, which owns the context, which owns these workers.
    client: OnceLock<Weak<StreamConsumer<C>>>,
    reports: Reports,
    stop: CancellationToken,
    /// Cancelled when the consumer must be rebuilt.
    broken: CancellationToken,
    /// The latest worker of each partition that was ever assigned.
    partitions: Mutex<HashMap<i32, Worker>>,
}

struct Worker {
    /// Cancelled when the partition is assigned to another member, or the consumer stops.
    closed: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl<C: ConsumerContext + 'static> Workers<C> {
    pub fn new(consumer: Arc<Consumer>, reports: Reports, stop: CancellationToken, broken: CancellationToken) -> Self {
        Self { consumer, client: OnceLock::new(), reports, stop, broken, partitions: Mutex::default() }
    }

    /// Sets the consumer whose partitions these workers read, before the first starts.
    pub fn read_from(&self, client: &Arc<StreamConsumer<C>>) {
        let _ = self.client.set(Arc::downgrade(client));
    }

    pub fn client(&self) -> Option<Arc<StreamConsumer<C>>> {
        self.client.get().and_then(Weak::upgrade)
    }

    /// Starts a worker for each of these partitions. Must be called before librdkafka fetches from them; otherwise
    /// their messages would enter the consumer's own queue.
    pub fn start(&self, partitions: &TopicPartitionList) {
        let Some(client) = self.client() else { return };
        let mut own = self.lock();
        for element in partitions.elements() {
            let partition = element.partition();
            let previous = own.remove(&partition).filter(|worker| !worker.task.is_finished());
            own.insert(partition, self.worker(&client, partition, previous));
        }
    }

    /// Ends the workers of revoked partitions, after their current messages.
    pub fn close(&self, partitions: &TopicPartitionList) {
        let own = self.lock();
        for worker in partitions.elements().iter().filter_map(|element| own.get(&element.partition())) {
            worker.closed.cancel();
        }
    }

    pub fn abort(&self) {
        self.lock().clear();
    }

    /// Ends all workers. Aborts those that have not ended within [`STOP_TIMEOUT`].
    pub async fn end(&self) {
        let workers: Vec<Worker> = self.lock().drain().map(|(_, worker)| worker).collect();
        for worker in &workers {
            worker.closed.cancel();
        }
        let ending = workers.into_iter().map(|Worker { mut task, .. }| async move {
            if tokio::time::timeout(STOP_TIMEOUT, &mut task).await.is_err() {
                task.abort();
                let _ = task.await;
            }
        });
        join_all(ending).await;
    }

    fn worker(&self, client: &Arc<StreamConsumer<C>>, partition: i32, previous: Option<Worker>) -> Worker {
        let (consumer, closed) = (self.consumer.clone(), self.stop.child_token());
        let open = {
            let (client, closed, reports) = (client.clone(), closed.clone(), self.reports.clone());
            let consumer = self.consumer.clone();
            move || PartitionQueue::open(&client, &consumer, partition, closed.clone(), reports.clone())
        };
        let mut queue = if previous.is_none() { open() } else { None };
        let work = async move {
            // Two workers of one partition must not overlap. This queue is opened only after the previous one was
            // dropped, since dropping a queue also ends the notifications of every other queue of its partition.
            if let Some(previous) = previous {
                let _ = previous.task.await;
                queue = open();
            }
            consumer.work(queue?).await;
            Some(())
        };
        let broken = self.broken.clone();
        // The consumer is rebuilt if a worker panics or its queue cannot be opened: otherwise the partition would have
        // no worker.
        let task = tokio::spawn(async move {
            if !matches!(AssertUnwindSafe(work).catch_unwind().await, Ok(Some(()))) {
                broken.cancel();
            }
        });
        Worker { closed, task: AbortOnDropHandle::new(task) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Worker>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The maximum number of messages of one partition, with different keys, that are handled concurrently so that their
/// writes can be grouped.
const MAX_CONCURRENT_MESSAGES: usize = 16;
/// While messages are frequent, the first message waits this long for further ones. A relay's batch arrives within a
/// few milliseconds; messages handled on arrival would need a statement each.
const LINGER: Duration = Duration::from_millis(5);

impl Consumer {
    /// Handles the messages of one partition until its queue is closed, different keys concurrently, or in batches if
    /// the handler supports them. Stores offsets in order.
    pub(super) async fn work<C: ConsumerContext + 'static>(self: Arc<Self>, mut queue: PartitionQueue<C>) {
        let batch = self.handler.batch();
        let limit = if batch > 1 { batch } else { MAX_CONCURRENT_MESSAGES };
        let mut messages = Vec::new();
        let mut delay = BatchDelay::default();
        let closed = queue.closed.clone();
        loop {
            tokio::select! {
                biased;
                () = closed.cancelled() => return,
                () = queue.receive(&mut messages, limit) => {}
            }
            let now = Instant::now();
            if messages.len() < limit && delay.is_busy(now) {
                tokio::time::sleep(LINGER).await;
                queue.receive_fetched(&mut messages, limit).await;
            }
            delay.record(u32::try_from(messages.len()).unwrap_or(u32::MAX), now);
            if closed.is_cancelled() {
                return;
            }
            let handled = match messages.len() {
                1 if batch == 1 => vec![false],
                _ if batch == 1 => self.try_by_key(&messages).await,
                _ => self.handle_all(&messages).await,
            };
            for (message, handled) in messages.drain(..).zip(handled) {
                if !handled {
                    let done = self.handle_or_dead_letter(&message, &closed).instrument(self.span_of(&message));
                    if !done.await {
                        return;
                    }
                }
                queue.store(&message);
            }
        }
    }

    /// Tries each message once, different keys concurrently. Returns true for each handled message. After a failure,
    /// the remaining messages of the key are left to the caller.
    async fn try_by_key(&self, messages: &[Message]) -> Vec<bool> {
        let mut keys: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, message) in messages.iter().enumerate() {
            keys.entry(&message.key).or_default().push(index);
        }
        let tries = keys.into_values().map(|indices| async move {
            let mut done = Vec::new();
            for index in indices {
                if !self.try_once(&messages[index]).await {
                    break;
                }
                done.push(index);
            }
            done
        });
        let mut handled = vec![false; messages.len()];
        for index in join_all(tries).await.into_iter().flatten() {
            handled[index] = true;
        }
        handled
    }

    /// Tries a message once. Returns true if it was handled. Does not report a failure, since the message is handled
    /// again alone.
    async fn try_once(&self, message: &Message) -> bool {
        let start = Instant::now();
        let handled =
            AssertUnwindSafe(self.handler.handle(message).instrument(self.span_of(message))).catch_unwind().await;
        let handled = matches!(handled, Ok(Ok(())));
        if handled {
            self.handled(message, start);
        }
        handled
    }

    /// Handles messages of one partition as one batch. Returns true for each handled message.
    async fn handle_all(&self, messages: &[Message]) -> Vec<bool> {
        let start = Instant::now();
        let Some(first) = messages.first() else { return Vec::new() };
        let span = self.span(first);
        span.record("messages", messages.len());
        let handled = AssertUnwindSafe(self.handler.handle_all(messages).instrument(span)).catch_unwind().await;
        // After a panic, each message is handled alone, which reveals the message that causes it.
        let mut handled = handled.unwrap_or_default();
        handled.resize(messages.len(), false);
        for (message, _) in messages.iter().zip(&handled).filter(|(_, handled)| **handled) {
            self.handled(message, start);
        }
        handled
    }

    fn span(&self, first: &Message) -> Span {
        tracing::info_span!(
            "consume",
            otel.name = format!("{} process", first.topic),
            otel.kind = "consumer",
            group = self.group,
            partition = first.partition,
            offset = first.offset,
            messages = tracing::field::Empty,
        )
    }

    /// Creates the span of one message, which continues the producer's trace unless programs outside write the topic.
    fn span_of(&self, message: &Message) -> Span {
        let span = self.span(message);
        if self.trusts_headers {
            trace::continue_trace(&span, &message.headers);
        }
        span
    }

    /// Counts a handled message. Records the time since `start` and the event's age.
    pub(super) fn handled(&self, message: &Message, start: Instant) {
        metrics::counter!("kafka_messages_handled_total", "group" => self.group).increment(1);
        metrics::histogram!("kafka_message_handling_seconds", "group" => self.group).record(start.elapsed());
        if self.trusts_headers
            && let Some(age) = message.age(clock::now())
        {
            metrics::histogram!("event_age_seconds", "group" => self.group).record(age);
        }
    }
}
