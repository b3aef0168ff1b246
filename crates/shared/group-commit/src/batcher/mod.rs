//! Batcher: requests that arrive while a batch is executed form the next batch.
//!
//! There is no timer, so a single request does not wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::{Semaphore, oneshot};
use tracing::Span;

/// The maximum number of times that a batch yields to other tasks before it begins. Each yield collects the requests of
/// the tasks that are ready by then.
const MAX_YIELDS: u32 = 4;
/// The maximum number of waiting requests. Further ones are refused, since they would exceed their time limit.
pub(crate) const MAX_WAITING: usize = 4096;

/// Executes requests `Q` in batches and returns a result `A` for each. Clones share the batches.
///
/// At most 4096 requests wait. Each batch runs in its own task of the tokio runtime.
pub struct Batcher<Q, A> {
    shared: Arc<Shared<Q, A>>,
}

/// A request of a batch, and the sender of its result. The caller gets [`SubmitError::Lost`] if `reply` is dropped.
pub struct Entry<Q, A> {
    pub request: Q,
    pub reply: oneshot::Sender<A>,
    /// The request's span. That of a batch's first request contains the batch's call and its log lines.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The request was not executed.
    #[error("too many requests wait")]
    Full,
    /// The batch panicked or dropped the request's [`reply`](Entry::reply). It may have been executed.
    #[error("the batch of the request was lost")]
    Lost,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum number of requests in a batch, at least 1.
    pub batch: usize,
    /// After this time, an unfinished batch no longer delays the next one, which then runs concurrently.
    pub overlap_after: Duration,
    /// The maximum number of batches that run concurrently, at least 1.
    pub max_concurrent: usize,
}

type Execute<Q, A> = dyn Fn(Vec<Entry<Q, A>>) -> BoxFuture<'static, ()> + Send + Sync;
type IsSame<Q> = dyn Fn(&Q, &Q) -> bool + Send + Sync;

struct Shared<Q, A> {
    limits: Limits,
    is_same: Box<IsSame<Q>>,
    max_concurrent: Arc<Semaphore>,
    execute: Box<Execute<Q, A>>,
    queue: Mutex<Queue<Q, A>>,
}

struct Queue<Q, A> {
    waiting: VecDeque<Entry<Q, A>>,
    /// True while a task executes batches, until no request waits.
    is_running: bool,
}

impl<Q, A> Clone for Batcher<Q, A> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<Q, A> Batcher<Q, A>
where
    Q: Send + 'static,
    A: Send + 'static,
{
    /// Creates a batcher. `is_same` returns true for two requests of one key, which must not be in one batch.
    /// `execute` sends the result of each request of a batch.
    pub fn new<F>(
        limits: Limits,
        is_same: impl Fn(&Q, &Q) -> bool + Send + Sync + 'static,
        execute: impl Fn(Vec<Entry<Q, A>>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            shared: Arc::new(Shared {
                limits,
                is_same: Box::new(is_same),
                max_concurrent: Arc::new(Semaphore::new(limits.max_concurrent)),
                execute: Box::new(move |batch| execute(batch).boxed()),
                queue: Mutex::new(Queue { waiting: VecDeque::new(), is_running: false }),
            }),
        }
    }

    /// Executes the request with the next batch and returns its result. If the caller drops this future before the
    /// batch begins, the request is not executed; later, it is executed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn submit(&self, request: Q) -> Result<A, SubmitError> {
        let (reply, result) = oneshot::channel();
        {
            let mut queue = self.shared.lock();
            if queue.waiting.len() >= MAX_WAITING {
                return Err(SubmitError::Full);
            }
            queue.waiting.push_back(Entry { request, reply, span: Span::current() });
            if !queue.is_running {
                queue.is_running = true;
                tokio::spawn(self.shared.clone().run());
            }
        }
        result.await.map_err(|_| SubmitError::Lost)
    }
}

impl<Q, A> Shared<Q, A>
where
    Q: Send + 'static,
    A: Send + 'static,
{
    async fn run(self: Arc<Self>) {
        loop {
            self.gather().await;
            let permit = self.max_concurrent.clone().acquire_owned().await;
            let Some(batch) = self.next() else { return };
            let this = self.clone();
            // Each batch has its own task, so that a panic loses only the results of this batch.
            let running = tokio::spawn(async move {
                (this.execute)(batch).await;
                drop(permit);
            });
            let _ = tokio::time::timeout(self.limits.overlap_after, running).await;
        }
    }

    /// Lets other tasks submit further requests for this batch, as long as more come. Costs nothing if no other task is
    /// ready.
    async fn gather(&self) {
        let mut waiting = self.lock().waiting.len();
        for _ in 0..MAX_YIELDS {
            tokio::task::yield_now().await;
            let more = self.lock().waiting.len();
            if more == waiting || more >= self.limits.batch {
                return;
            }
            waiting = more;
        }
    }

    /// Takes the next batch, with at most one request per key. Returns `None`, which ends the task, if no request
    /// waits.
    fn next(&self) -> Option<Vec<Entry<Q, A>>> {
        let mut queue = self.lock();
        let (mut batch, mut later) = (Vec::<Entry<Q, A>>::new(), Vec::new());
        while batch.len() < self.limits.batch
            && let Some(waiting) = queue.waiting.pop_front()
        {
            if waiting.reply.is_closed() {
                continue;
            }
            let is_taken = batch.iter().any(|taken| (self.is_same)(&taken.request, &waiting.request));
            if is_taken { later.push(waiting) } else { batch.push(waiting) }
        }
        for waiting in later.into_iter().rev() {
            queue.waiting.push_front(waiting);
        }
        queue.is_running = !batch.is_empty();
        queue.is_running.then_some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<Q, A>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
