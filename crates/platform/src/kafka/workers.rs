//! The messages that have been taken from a topic and wait for the worker of their partition.

use std::{
    collections::HashMap,
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

/// Messages of one partition that wait before the partition is to be paused.
const FULL: usize = 200;
/// And those that still wait when it is to be resumed.
const ROOM: usize = FULL / 2;

/// What one partition's worker works off.
pub struct Queue {
    pub messages: UnboundedReceiver<Message>,
    /// Cancelled when the partition has moved to another member.
    pub closed: CancellationToken,
    waiting: Arc<AtomicUsize>,
    drained: Arc<Notify>,
}

impl Queue {
    /// One message is done with.
    pub fn done(&self) {
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == ROOM {
            self.drained.notify_one();
        }
    }
}

/// The workers of the partitions that this member has now.
#[derive(Default)]
pub struct Workers {
    by_partition: Mutex<HashMap<i32, Worker>>,
    drained: Arc<Notify>,
}

/// The other end of a [`Queue`].
struct Worker {
    messages: UnboundedSender<Message>,
    closed: CancellationToken,
    waiting: Arc<AtomicUsize>,
}

impl Workers {
    /// Queues a message for its partition's worker, starting one where there is none. True when that is enough for now.
    pub fn hand_over(&self, message: Message, start: impl FnOnce(Queue)) -> bool {
        let mut workers = self.lock();
        let worker = workers.entry(message.partition).or_insert_with(|| {
            let (sender, messages) = mpsc::unbounded_channel();
            let (closed, waiting) = (CancellationToken::new(), Arc::<AtomicUsize>::default());
            start(Queue { messages, closed: closed.clone(), waiting: waiting.clone(), drained: self.drained.clone() });
            Worker { messages: sender, closed, waiting }
        });
        let waiting = worker.waiting.fetch_add(1, Ordering::AcqRel) + 1;
        let _ = worker.messages.send(message);
        waiting >= FULL
    }

    /// Returns when some partition may have room again. A call that comes too late misses nothing.
    pub async fn drained(&self) {
        self.drained.notified().await;
    }

    /// Whether a partition's worker can take more; nothing where the partition is not this member's.
    pub fn has_room(&self, partition: i32) -> Option<bool> {
        self.lock().get(&partition).map(|worker| worker.waiting.load(Ordering::Acquire) < ROOM)
    }

    /// Lets go of partitions: their workers end with the message in hand.
    pub fn close(&self, partitions: &TopicPartitionList) {
        let mut workers = self.lock();
        for element in partitions.elements() {
            if let Some(worker) = workers.remove(&element.partition()) {
                worker.closed.cancel();
            }
        }
    }

    /// Lets go of every partition.
    pub fn clear(&self) {
        for (_, worker) in self.lock().drain() {
            worker.closed.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Worker>> {
        self.by_partition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(partition: i32) -> Message {
        Message { partition, ..Message::default() }
    }

    #[tokio::test]
    async fn a_full_partition_has_room_again_when_half_of_it_is_done_however_late_that_is_noticed() {
        let workers = Workers::default();
        let mut queue = None;
        let full: Vec<bool> =
            (0..FULL).map(|_| workers.hand_over(message(1), |started| queue = Some(started))).collect();
        let queue = queue.unwrap();
        let before = workers.has_room(1);

        for _ in 0..FULL {
            queue.done();
        }

        assert_eq!(full.iter().position(|full| *full), Some(FULL - 1));
        assert_eq!(before, Some(false));
        workers.drained().await;
        assert_eq!(workers.has_room(1), Some(true));
        assert_eq!(workers.has_room(2), None);
    }

    #[tokio::test]
    async fn a_partition_that_moves_away_ends_its_worker() {
        let workers = Workers::default();
        let mut queue = None;
        workers.hand_over(message(1), |started| queue = Some(started));
        let mut moved = TopicPartitionList::new();
        moved.add_partition("topic", 1);

        workers.close(&moved);

        assert!(queue.unwrap().closed.is_cancelled());
        assert_eq!(workers.has_room(1), None);
    }
}
