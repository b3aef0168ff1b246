//! The workers of the partitions that are assigned to this member, one task per partition.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use futures::{FutureExt as _, future::join_all};
use rdkafka::{
    TopicPartitionList,
    consumer::{ConsumerContext, StreamConsumer},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Consumer,
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
        // A panic of a worker rebuilds the consumer. Otherwise the partition would have no worker.
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
