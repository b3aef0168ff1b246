//! Group commit: requests that arrive while a statement runs are executed together by the next statement.
//!
//! A statement pays for its round trip, its plan, its locks and its flush once, however many requests it decides. There is no timer: a
//! group consists of the requests that arrived while the previous group was written, so a lone request does not wait.

mod by_key;

use std::{io, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use tracing::{Instrument as _, Span};

use super::{Database, is_unavailable, retry_stale};
use crate::batcher::{Batcher, Entry, NotAnswered};

/// The most requests of one group: the time of a statement, and of the locks that it holds, has a bound.
const GROUP: usize = 64;

/// Executes requests `Q` in groups, one group at a time, and answers each with its `A`.
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
        let write: Arc<Write<Q, A>> = Arc::new(move |group| write(group).boxed());
        let execute = move |group: Vec<Entry<Q, sqlx::Result<A>>>| {
            count(name, 1, group.len() as u64);
            write_group(write.clone(), group)
        };
        Self { groups: Batcher::one_at_a_time(GROUP, is_same, execute) }
    }

    /// Executes the request with the next group and returns its answer. A request whose caller has left before its group begins is not
    /// written; if the caller leaves later, it is.
    ///
    /// Fails with the error of the statement; with [`PoolTimedOut`](sqlx::Error::PoolTimedOut) if too many requests wait.
    pub async fn submit(&self, request: Q) -> sqlx::Result<A> {
        match self.groups.submit(request).await {
            Ok(answer) => answer,
            Err(NotAnswered::Full) => Err(sqlx::Error::PoolTimedOut),
            Err(NotAnswered::Lost) => Err(sqlx::Error::WorkerCrashed),
        }
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

/// Writes a group and answers its requests.
async fn write_group<Q, A>(write: Arc<Write<Q, A>>, group: Vec<Entry<Q, sqlx::Result<A>>>)
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    let (requests, callers): (Vec<Q>, Vec<_>) =
        group.into_iter().map(|Entry { request, answer, span }| (request, (answer, span))).unzip();
    let requests: Arc<[Q]> = requests.into();
    let span = callers.first().map_or_else(Span::none, |(_, span)| span.clone());
    match write(requests.clone()).instrument(span).await {
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
                    None => write([request.clone()].into()).instrument(span).await,
                };
                let answer = outcome.and_then(|answers| answers.into_iter().next().ok_or(sqlx::Error::WorkerCrashed));
                let _ = caller.send(answer);
            }
        }
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
