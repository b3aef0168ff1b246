//! Group commit: requests that arrive while a statement runs are executed together by the next statement.
//!
//! A statement pays for its round trip, its plan, its locks and its flush once, however many requests it decides. There is no timer: a
//! group consists of the requests that arrived while the previous group was written, so a lone request does not wait.

mod by_key;

use std::{
    collections::VecDeque,
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::{Database, is_unavailable, retry_stale};

/// The most requests of one group: the time of a statement, and of the locks that it holds, has a bound.
const GROUP: usize = 64;
/// The most times that a group lets other tasks run before it begins. The first time brings the requests of tasks that are ready, the
/// others those of tasks that become ready meanwhile.
const YIELDS: u32 = 4;
/// The most requests that wait. More are refused: they would not be answered within their time.
const WAITING: usize = 4096;

/// Executes requests `Q` in groups, one group at a time, and answers each with its `A`.
pub struct GroupCommit<Q, A> {
    shared: Arc<Shared<Q, A>>,
}

type Write<Q, A> = dyn Fn(Arc<[Q]>) -> BoxFuture<'static, sqlx::Result<Vec<A>>> + Send + Sync;
type IsSame<Q> = dyn Fn(&Q, &Q) -> bool + Send + Sync;

struct Shared<Q, A> {
    name: &'static str,
    /// True for two requests of one key, which are not written in one group.
    is_same: Box<IsSame<Q>>,
    write: Box<Write<Q, A>>,
    queue: Mutex<Queue<Q, A>>,
}

struct Queue<Q, A> {
    waiting: VecDeque<Waiting<Q, A>>,
    /// True while a task writes groups. It ends when nothing waits.
    is_writing: bool,
}

struct Waiting<Q, A> {
    request: Q,
    answer: oneshot::Sender<sqlx::Result<A>>,
    /// The request's span. That of a group's first request has the group's statement.
    span: Span,
}

impl<Q, A> Clone for GroupCommit<Q, A> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<Q, A> GroupCommit<Q, A>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// `write` returns the answers to the requests of a group in their order. After an error not caused by the server's state, `write` is
    /// repeated for each request alone, so that an invalid request does not fail the rest of its group. `name` labels the metrics.
    fn new<F>(
        name: &'static str,
        is_same: impl Fn(&Q, &Q) -> bool + Send + Sync + 'static,
        write: impl Fn(Arc<[Q]>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = sqlx::Result<Vec<A>>> + Send + 'static,
    {
        // `rate()` ignores the first value of a series.
        count(name, 0, 0);
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), is_writing: false });
        Self {
            shared: Arc::new(Shared {
                name,
                is_same: Box::new(is_same),
                write: Box::new(move |group| write(group).boxed()),
                queue,
            }),
        }
    }

    /// Executes the request with the next group and returns its answer. A request whose caller has left before its group begins is not
    /// written; if the caller leaves later, it is.
    ///
    /// Fails with the error of the statement; with [`PoolTimedOut`](sqlx::Error::PoolTimedOut) if too many requests wait.
    pub async fn submit(&self, request: Q) -> sqlx::Result<A> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.shared.lock();
            if queue.waiting.len() >= WAITING {
                return Err(sqlx::Error::PoolTimedOut);
            }
            queue.waiting.push_back(Waiting { request, answer, span: Span::current() });
            if !queue.is_writing {
                queue.is_writing = true;
                tokio::spawn(self.shared.clone().write_all());
            }
        }
        answered.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

impl<Q> GroupCommit<Q, ()>
where
    Q: Clone + Send + Sync + 'static,
{
    /// Creates a group commit over a statement that may be repeated and returns nothing. A group may have several requests that concern the
    /// same row: the statement decides which of them counts.
    pub fn without_answers<F>(
        name: &'static str,
        database: Database,
        statement: impl Fn(Database, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = sqlx::Result<()>> + Send,
    {
        Self::new(
            name,
            |_, _| false,
            move |requests: Arc<[Q]>| {
                let (database, statement) = (database.clone(), statement.clone());
                async move {
                    retry_stale(|| statement(database.clone(), requests.clone())).await?;
                    Ok(vec![(); requests.len()])
                }
            },
        )
    }
}

impl<Q, A> Shared<Q, A>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// Writes groups until nothing waits.
    async fn write_all(self: Arc<Self>) {
        loop {
            self.gather().await;
            let Some(group) = self.next() else { return };
            count(self.name, 1, group.len() as u64);
            // A panic loses the answers of its group; those who wait behind it are not to wait for ever.
            let _ = AssertUnwindSafe(self.write_group(group)).catch_unwind().await;
        }
    }

    /// Lets other tasks submit further requests for this group, as long as more come. Without other ready tasks this costs nothing.
    async fn gather(&self) {
        let mut waiting = self.lock().waiting.len();
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
            let more = self.lock().waiting.len();
            if more == waiting || more >= GROUP {
                return;
            }
            waiting = more;
        }
    }

    /// Takes the next group, with at most one request of each key. `None` ends the task.
    fn next(&self) -> Option<Vec<Waiting<Q, A>>> {
        let mut queue = self.lock();
        let (mut group, mut later) = (Vec::<Waiting<Q, A>>::new(), Vec::new());
        while group.len() < GROUP
            && let Some(waiting) = queue.waiting.pop_front()
        {
            if waiting.answer.is_closed() {
                continue;
            }
            let is_taken = group.iter().any(|taken| (self.is_same)(&taken.request, &waiting.request));
            if is_taken { later.push(waiting) } else { group.push(waiting) }
        }
        for waiting in later.into_iter().rev() {
            queue.waiting.push_front(waiting);
        }
        queue.is_writing = !group.is_empty();
        queue.is_writing.then_some(group)
    }

    async fn write_group(&self, group: Vec<Waiting<Q, A>>) {
        let (requests, callers): (Vec<Q>, Vec<_>) =
            group.into_iter().map(|Waiting { request, answer, span }| (request, (answer, span))).unzip();
        let requests: Arc<[Q]> = requests.into();
        let span = callers.first().map_or_else(Span::none, |(_, span)| span.clone());
        match (self.write)(requests.clone()).instrument(span).await {
            Ok(answers) => {
                for ((caller, _), answer) in callers.into_iter().zip(answers) {
                    let _ = caller.send(Ok(answer));
                }
            }
            Err(error) if is_unavailable(&error) => {
                for (caller, _) in callers {
                    let _ = caller.send(Err(copy(&error)));
                }
            }
            Err(error) => {
                let mut alone = (callers.len() == 1).then_some(Err(error));
                for ((caller, span), request) in callers.into_iter().zip(requests.iter()) {
                    let outcome = match alone.take() {
                        Some(outcome) => outcome,
                        None => (self.write)([request.clone()].into()).instrument(span).await,
                    };
                    let answer =
                        outcome.and_then(|answers| answers.into_iter().next().ok_or(sqlx::Error::WorkerCrashed));
                    let _ = caller.send(answer);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<Q, A>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(statement: &'static str, groups: u64, requests: u64) {
    metrics::counter!("group_commits_total", "statement" => statement).increment(groups);
    metrics::counter!("group_commit_requests_total", "statement" => statement).increment(requests);
}

/// Copies the error of a group for each of its callers: the server is unavailable to all of them.
fn copy(error: &sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::PoolTimedOut => sqlx::Error::PoolTimedOut,
        sqlx::Error::PoolClosed => sqlx::Error::PoolClosed,
        sqlx::Error::WorkerCrashed => sqlx::Error::WorkerCrashed,
        // Its kind tells a time limit from a stale connection.
        sqlx::Error::Io(cause) => io::Error::new(cause.kind(), cause.to_string()).into(),
        error => io::Error::other(error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests;
