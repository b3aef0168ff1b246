//! Group commit: requests that arrive while a statement runs are executed together by the next statement.
//!
//! A statement pays for its round trip, its plan, its locks and its flush once, however many requests it executes.
//! There is no timer, so a single request does not wait.
//!
//! A request that waits or fails delays only itself. A group that waits too long for a lock, panics, or fails for a
//! reason other than the server's state is retried, each request alone. A group without a response delays the next one
//! only briefly.

use std::{collections::HashMap, hash::Hash, io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tokio::sync::{Semaphore, oneshot};
use tracing::{Instrument as _, Span};

use crate::{
    batcher::{Batcher, Entry, Limits, SubmitError},
    errors::{is_contended, is_unavailable, retry_stale},
};

/// The limits of groups. The number of requests in a group bounds the time of a statement, and of the locks that it
/// holds. A second group begins only if the first one is delayed. Of a pool's ten connections, groups and requests that
/// are retried alone take at most nine.
const GROUPS: Limits = Limits { batch: 64, overlap_after: Duration::from_millis(250), max_concurrent: 3 };
/// The maximum number of concurrent requests, of all groups, that are retried alone.
const MAX_CONCURRENT_RETRIES: usize = 6;

/// Executes requests `Q` in groups, one statement for each group, and returns a result `A` for each request. Clones
/// share the groups.
///
/// Each constructor takes the database, such as a pool, of which `statement` gets a clone for each group, and a name,
/// which is the label `statement` of the metrics.
pub struct GroupCommit<Q, A> {
    groups: Batcher<Q, sqlx::Result<A>>,
}

type Write<Q, A> = dyn Fn(Arc<[Q]>) -> BoxFuture<'static, sqlx::Result<Vec<A>>> + Send + Sync;

impl<Q, A> Clone for GroupCommit<Q, A> {
    fn clone(&self) -> Self {
        Self { groups: self.groups.clone() }
    }
}

impl<Q, A> GroupCommit<Q, A>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// `write` returns the results of the requests of a group in their order. After a panic, and after an error not
    /// caused by the server's state, it is retried for each request alone, so that a faulty request does not fail its
    /// group. `name` labels the metrics.
    fn new(
        name: &'static str,
        is_same: impl Fn(&Q, &Q) -> bool + Send + Sync + 'static,
        write: impl Fn(Arc<[Q]>) -> BoxFuture<'static, sqlx::Result<Vec<A>>> + Send + Sync + 'static,
    ) -> Self {
        // `rate()` ignores the first value of a series.
        count(name, 0, 0);
        let write: Arc<Write<Q, A>> = Arc::new(write);
        let alone = Arc::new(Semaphore::new(MAX_CONCURRENT_RETRIES));
        let execute = move |group: Vec<Entry<Q, sqlx::Result<A>>>| {
            count(name, 1, group.len() as u64);
            write_group(write.clone(), alone.clone(), group)
        };
        Self { groups: Batcher::new(GROUPS, is_same, execute) }
    }

    /// Executes the request with the next group and returns its result. If the caller drops this future before the
    /// group begins, the request is not written; later, it is written.
    ///
    /// Fails with the error of the statement, or with [`PoolTimedOut`](sqlx::Error::PoolTimedOut) if too many requests
    /// wait. If the server is unavailable to a group, each of its callers gets a copy of the error, or an
    /// [`Io`](sqlx::Error::Io) with its text.
    ///
    /// # Panics
    ///
    /// If the statement of this request panics, so that the caller's own handling of panics applies.
    pub async fn submit(&self, request: Q) -> sqlx::Result<A> {
        match self.groups.submit(request).await {
            Ok(result) => result,
            Err(SubmitError::Full) => Err(sqlx::Error::PoolTimedOut),
            Err(SubmitError::Lost) => std::panic::resume_unwind(Box::new("the statement of this request panicked")),
        }
    }
}

impl<Q> GroupCommit<Q, ()>
where
    Q: Clone + Send + Sync + 'static,
{
    /// Creates a group commit of a repeatable statement that returns nothing. A group may have several requests for the
    /// same row, among which `statement` has to choose, or which it adds up.
    pub fn without_results<D, F>(
        name: &'static str,
        database: D,
        statement: impl Fn(D, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        D: Clone + Send + Sync + 'static,
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
                .boxed()
            },
        )
    }
}

type Caller<A> = (oneshot::Sender<sqlx::Result<A>>, Span);

/// Writes a group and sends the results to its callers, except to one whose own statement panics.
async fn write_group<Q, A>(write: Arc<Write<Q, A>>, alone: Arc<Semaphore>, group: Vec<Entry<Q, sqlx::Result<A>>>)
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    let (requests, callers): (Vec<Q>, Vec<Caller<A>>) =
        group.into_iter().map(|Entry { request, reply, span }| (request, (reply, span))).unzip();
    let requests: Arc<[Q]> = requests.into();
    let span = callers.first().map_or_else(Span::none, |(_, span)| span.clone());
    match attempt(&write, requests.clone(), span).await {
        Some(Ok(results)) => {
            for ((caller, _), result) in callers.into_iter().zip(results) {
                let _ = caller.send(Ok(result));
            }
        }
        Some(Err(error)) if callers.len() == 1 => {
            if let Some((caller, _)) = callers.into_iter().next() {
                let _ = caller.send(Err(error));
            }
        }
        Some(Err(error)) if is_unavailable(&error) && !is_contended(&error) => {
            for (caller, _) in callers {
                let _ = caller.send(Err(copy(&error)));
            }
        }
        None if callers.len() == 1 => {}
        None | Some(Err(_)) => {
            let each = stream::iter(callers.into_iter().zip(requests.iter().cloned()));
            each.for_each_concurrent(None, async |((caller, span), request)| {
                let _permit = alone.acquire().await;
                if let Some(outcome) = attempt(&write, [request].into(), span).await {
                    let first = |results: Vec<A>| results.into_iter().next().ok_or(sqlx::Error::WorkerCrashed);
                    let _ = caller.send(outcome.and_then(first));
                }
            })
            .await;
        }
    }
}

/// Writes requests. Returns `None` after a panic.
async fn attempt<Q, A>(write: &Arc<Write<Q, A>>, requests: Arc<[Q]>, span: Span) -> Option<sqlx::Result<Vec<A>>> {
    AssertUnwindSafe(async { write(requests).await }).catch_unwind().instrument(span).await.ok()
}

fn count(statement: &'static str, groups: u64, requests: u64) {
    metrics::counter!("group_commits_total", "statement" => statement).increment(groups);
    metrics::counter!("group_commit_requests_total", "statement" => statement).increment(requests);
}

/// Copies the error for each caller, since the server is unavailable to all.
fn copy(error: &sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::PoolTimedOut => sqlx::Error::PoolTimedOut,
        sqlx::Error::PoolClosed => sqlx::Error::PoolClosed,
        sqlx::Error::WorkerCrashed => sqlx::Error::WorkerCrashed,
        // The kind distinguishes a time limit from a stale connection.
        sqlx::Error::Io(cause) => io::Error::new(cause.kind(), cause.to_string()).into(),
        error => io::Error::other(error.to_string()).into(),
    }
}

impl<Q, A> GroupCommit<Q, Option<A>>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// Creates a group commit of a repeatable statement, which returns results by key; a request without a result gets
    /// `None`. A group has at most one request per key.
    pub fn by_key<D, K, F>(
        name: &'static str,
        database: D,
        key: fn(&Q) -> K,
        statement: impl Fn(D, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        D: Clone + Send + Sync + 'static,
        K: Eq + Hash + Send + 'static,
        F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
    {
        let is_same = move |one: &Q, other: &Q| key(one) == key(other);
        Self::new(name, is_same, by_request(database, key, HashMap::remove, statement))
    }

    /// Creates a group commit of a read-only statement, which returns results by key; a request without a result gets
    /// `None`. All requests of one key in a group get the same result.
    pub fn read_only<D, K, F>(
        name: &'static str,
        database: D,
        key: fn(&Q) -> K,
        statement: impl Fn(D, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        D: Clone + Send + Sync + 'static,
        A: Clone,
        K: Eq + Hash + Send + 'static,
        F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
    {
        Self::new(name, |_, _| false, by_request(database, key, |results, key| results.get(key).cloned(), statement))
    }
}

/// Returns a function that executes the statement for a group, and returns the result of each request.
fn by_request<D, Q, A, K, F>(
    database: D,
    key: fn(&Q) -> K,
    take: fn(&mut HashMap<K, A>, &K) -> Option<A>,
    statement: impl Fn(D, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(Arc<[Q]>) -> BoxFuture<'static, sqlx::Result<Vec<Option<A>>>> + Send + Sync + 'static
where
    D: Clone + Send + Sync + 'static,
    Q: Send + Sync + 'static,
    A: Send + 'static,
    K: Eq + Hash + Send + 'static,
    F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
{
    move |requests: Arc<[Q]>| {
        let (database, statement) = (database.clone(), statement.clone());
        async move {
            let mut results = retry_stale(|| statement(database.clone(), requests.clone())).await?;
            Ok(requests.iter().map(|request| take(&mut results, &key(request))).collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
