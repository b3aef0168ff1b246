//! Group commits of statements that return answers by key.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};

use super::{GroupCommit, retry_stale};
use crate::postgres::Database;

impl<Q, A> GroupCommit<Q, Option<A>>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    /// Creates a group commit of a repeatable statement, which returns answers by key; a request without an answer gets
    /// `None`. A group has at most one request per key.
    pub fn by_key<K, F>(
        name: &'static str,
        database: Database,
        key: fn(&Q) -> K,
        statement: impl Fn(Database, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        K: Eq + Hash + Send + 'static,
        F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
    {
        let is_same = move |one: &Q, other: &Q| key(one) == key(other);
        Self::new(name, is_same, answering(database, key, HashMap::remove, statement))
    }

    /// Creates a group commit of a read-only statement, which returns answers by key; a request without an answer gets
    /// `None`. All requests of one key in a group get the same answer.
    pub fn reading<K, F>(
        name: &'static str,
        database: Database,
        key: fn(&Q) -> K,
        statement: impl Fn(Database, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        A: Clone,
        K: Eq + Hash + Send + 'static,
        F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
    {
        Self::new(name, |_, _| false, answering(database, key, |answers, key| answers.get(key).cloned(), statement))
    }
}

/// Returns a function that executes the statement for a group, and returns the answer to each request.
fn answering<Q, A, K, F>(
    database: Database,
    key: fn(&Q) -> K,
    take: fn(&mut HashMap<K, A>, &K) -> Option<A>,
    statement: impl Fn(Database, Arc<[Q]>) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(Arc<[Q]>) -> BoxFuture<'static, sqlx::Result<Vec<Option<A>>>> + Send + Sync + 'static
where
    Q: Send + Sync + 'static,
    A: Send + 'static,
    K: Eq + Hash + Send + 'static,
    F: Future<Output = sqlx::Result<HashMap<K, A>>> + Send,
{
    move |requests: Arc<[Q]>| {
        let (database, statement) = (database.clone(), statement.clone());
        async move {
            let mut answers = retry_stale(|| statement(database.clone(), requests.clone())).await?;
            Ok(requests.iter().map(|request| take(&mut answers, &key(request))).collect())
        }
        .boxed()
    }
}
