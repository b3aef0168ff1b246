//! Queues of fetched messages. Each partition has one queue and one worker.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rdkafka::TopicPartitionList;
use tokio::sync::{
    Notify,
    mpsc::{self, UnboundedReceiver, UnboundedSender},
};
use tokio_util::sync::CancellationToken;

use super::Message;

/// The number of queued messages at which a partition is paused.
const FULL: usize = 200;
/// The number of queued batches at which a partition is paused, if its handler accepts batches. A pause makes librdkafka drop the fetched
/// messages of the partition and request them again, which can take up to `fetch.wait.max.ms`. The limit is high enough for the messages of
/// one fetch.
const BATCHES: usize = 5;
/// The number of queued bytes at which a partition is paused, since a few large messages take as much memory as many small ones.
const FULL_BYTES: usize = 1 << 20;
/// A paused partition resumes once its queued messages and its queued bytes are both below half of their limits.
const ROOM_BYTES: usize = FULL_BYTES / 2;

/// The number of messages and bytes that wait for the worker of one partition.
struct Waiting {
    /// The number of queued messages at which the partition is paused.
    full: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    fn of_at_most(full: usize) -> Self {
        Self { full, messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// Counts a queued message. Returns true if the partition has to be paused.
    fn add(&self, message: &Message) -> bool {
        let messages = self.messages.fetch_add(1, Ordering::AcqRel) + 1;
        let bytes = self.bytes.fetch_add(message.size(), Ordering::AcqRel) + message.size();
        messages >= self.full || bytes >= FULL_BYTES
    }

    /// Counts a finished message. Returns true if the queue falls below half of its limits with this message.
    fn remove(&self, message: &Message) -> bool {
        let has_room = |messages, bytes| messages < self.full / 2 && bytes < ROOM_BYTES;
        let messages = self.messages.fetch_sub(1, Ordering::AcqRel);
        let bytes = self.bytes.fetch_sub(message.size(), Ordering::AcqRel);
        !has_room(messages, bytes) && has_room(messages - 1, bytes - message.size())
    }

    fn has_room(&self) -> bool {
        self.messages.load(Ordering::Acquire) < self.full / 2 && self.bytes.load(Ordering::Acquire) < ROOM_BYTES
    }
}

/// The receiving end of one partition's queue, which its worker owns.
pub struct Queue {
    pub messages: UnboundedReceiver<Message>,
    /// Cancelled when the partition is assigned to another member.
    pub closed: CancellationToken,
    waiting: Arc<Waiting>,
    drained: Arc<Notify>,
}

impl Queue {
    /// Records that the worker has finished this message.
    pub fn done(&self, message: &Message) {
        if self.waiting.remove(message) {
            self.drained.notify_one();
        }
    }
}

/// The workers of the partitions that are assigned to this member.
pub struct Workers {
    /// The number of queued messages at which a partition is paused.
    full: usize,
    partitions: Mutex<Partitions>,
    drained: Arc<Notify>,
}

#[derive(Default)]
struct Partitions {
    workers: HashMap<i32, Worker>,
    /// Partitions whose queue is full and whose fetching is paused.
    paused: HashSet<i32>,
}

/// The sending end of a [`Queue`].
struct Worker {
    messages: UnboundedSender<Message>,
    closed: CancellationToken,
    waiting: Arc<Waiting>,
}

impl Workers {
    /// Creates the workers of a handler that takes up to `batch` messages at once.
    pub fn of_batches(batch: usize) -> Self {
        let full = if batch > 1 { FULL.max(batch.saturating_mul(BATCHES)) } else { FULL };
        Self { full, partitions: Mutex::default(), drained: Arc::default() }
    }

    /// Queues a message for the worker of its partition, and starts a worker if there is none. Returns true if the caller has to pause the
    /// partition.
    pub fn hand_over(&self, message: Message, start: impl FnOnce(Queue)) -> bool {
        let partition = message.partition;
        let mut partitions = self.lock();
        let worker = partitions.workers.entry(partition).or_insert_with(|| {
            let (sender, messages) = mpsc::unbounded_channel();
            let (closed, waiting) = (CancellationToken::new(), Arc::new(Waiting::of_at_most(self.full)));
            start(Queue { messages, closed: closed.clone(), waiting: waiting.clone(), drained: self.drained.clone() });
            Worker { messages: sender, closed, waiting }
        });
        let is_full = worker.waiting.add(&message);
        let _ = worker.messages.send(message);
        is_full && partitions.paused.insert(partition)
    }

    /// Returns when some partition may have room again. Also returns at once if that happened before the call.
    pub async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Returns the paused partitions that have room again, and no longer counts them as paused. The caller must resume them.
    pub fn resumable(&self) -> Vec<i32> {
        let Partitions { workers, paused } = &mut *self.lock();
        let has_room = |partition: &i32| workers.get(partition).is_none_or(|worker| worker.waiting.has_room());
        paused.extract_if(has_room).collect()
    }

    /// Removes partitions that were assigned to another member. Their workers end after the current message, and their pauses are cleared.
    pub fn close(&self, partitions: &TopicPartitionList) {
        let mut own = self.lock();
        for element in partitions.elements() {
            own.paused.remove(&element.partition());
            if let Some(worker) = own.workers.remove(&element.partition()) {
                worker.closed.cancel();
            }
        }
    }

    /// Removes every partition.
    pub fn clear(&self) {
        let mut own = self.lock();
        own.paused.clear();
        for (_, worker) in own.workers.drain() {
            worker.closed.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn message(partition: i32) -> Message {
        Message { partition, ..Message::default() }
    }

    #[tokio::test]
    async fn a_full_partition_has_room_again_when_half_of_it_is_done_however_late_that_is_noticed() {
        let workers = Workers::of_batches(1);
        let mut queue = None;
        let full: Vec<bool> =
            (0..FULL).map(|_| workers.hand_over(message(1), |started| queue = Some(started))).collect();
        let queue = queue.unwrap();
        let before = workers.resumable();

        for _ in 0..FULL {
            queue.done(&message(1));
        }

        assert_eq!(full.iter().position(|full| *full), Some(FULL - 1));
        assert!(before.is_empty());
        workers.drained().await;
        assert_eq!(workers.resumable(), [1]);
        assert!(workers.resumable().is_empty());
    }

    #[tokio::test]
    async fn a_full_partition_that_moves_away_ends_its_worker_and_is_paused_anew_when_it_is_full_again() {
        let workers = Workers::of_batches(1);
        let mut queues = Vec::new();
        let mut fill = || (0..FULL).map(|_| workers.hand_over(message(1), |queue| queues.push(queue))).last();
        let mut moved = TopicPartitionList::new();
        moved.add_partition("topic", 1);

        let first = fill();
        workers.close(&moved);
        let resumable = workers.resumable();
        let second = fill();

        assert_eq!((first, second), (Some(true), Some(true)));
        assert!(resumable.is_empty());
        assert_eq!(queues.iter().map(|queue| queue.closed.is_cancelled()).collect::<Vec<_>>(), [true, false]);
    }

    #[tokio::test]
    async fn a_full_partition_is_resumed_when_fewer_than_half_of_its_messages_wait() {
        let workers = Workers::of_batches(1);
        let mut queue = None;
        for _ in 0..FULL {
            workers.hand_over(message(1), |started| queue = Some(started));
        }
        let queue = queue.unwrap();

        for _ in 0..FULL / 2 {
            queue.done(&message(1));
        }
        let (half, told) = (workers.resumable(), workers.drained().now_or_never());
        queue.done(&message(1));

        assert!(half.is_empty() && told.is_none(), "{half:?}");
        assert_eq!(workers.drained().now_or_never(), Some(()));
        assert_eq!(workers.resumable(), [1]);
    }

    #[tokio::test]
    async fn several_batches_wait_before_a_partition_is_paused() {
        let workers = Workers::of_batches(FULL);
        let mut queue = None;

        let full: Vec<bool> =
            (0..BATCHES * FULL).map(|_| workers.hand_over(message(1), |started| queue = Some(started))).collect();
        let queue = queue.unwrap();
        for _ in 0..=BATCHES * FULL / 2 {
            queue.done(&message(1));
        }

        assert_eq!(full.iter().position(|full| *full), Some(BATCHES * FULL - 1));
        assert_eq!(workers.resumable(), [1]);
    }

    #[tokio::test]
    async fn a_partition_whose_messages_are_large_is_full_with_few_of_them() {
        let workers = Workers::of_batches(1);
        let large = Message { payload: vec![0; FULL_BYTES / 4], ..message(1) };
        let mut queue = None;
        let full = (0..4).map(|_| workers.hand_over(large.clone(), |started| queue = Some(started)));

        assert_eq!(full.collect::<Vec<_>>(), [false, false, false, true]);
        let queue = queue.unwrap();
        for _ in 0..2 {
            queue.done(&large);
        }
        assert!(workers.resumable().is_empty(), "half of it waits");
        queue.done(&large);
        assert_eq!(workers.drained().now_or_never(), Some(()));
        assert_eq!(workers.resumable(), [1]);
    }

    #[tokio::test]
    async fn a_member_that_loses_every_partition_ends_all_workers_and_forgets_their_pauses() {
        let workers = Workers::of_batches(1);
        let mut queues = Vec::new();
        for partition in [1, 2] {
            for _ in 0..FULL {
                workers.hand_over(message(partition), |queue| queues.push(queue));
            }
        }

        workers.clear();

        assert!(queues.iter().all(|queue| queue.closed.is_cancelled()));
        assert!(workers.resumable().is_empty());
        workers.hand_over(message(1), |queue| queues.push(queue));
        assert_eq!(queues.len(), 3, "a message that comes after that starts a new worker");
    }
}
