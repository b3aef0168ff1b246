//! The claim, the changes and the stored response in one transaction.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Postgres};

use crate::{
    key::{Fingerprint, Key, fingerprint},
    response::{OnceError, Response, from_row, to_json},
    sql::Pieces,
};

const DEFAULT_TABLE: &str = "idempotency_keys";
pub(crate) const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// PostgreSQL's largest `lock_timeout`, in milliseconds.
const MAX_LOCK_TIMEOUT: u128 = 2_147_483_647;
/// The number of rows that one statement of [`Keys::sweep`] removes.
const SWEEP_BATCH: u64 = 5_000;
/// The code of the error after `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

static DEFAULT: LazyLock<Keys> = LazyLock::new(Keys::default);

/// [`Keys::once`] with the table `idempotency_keys` and a `lock_timeout` of 5 s.
pub async fn once<T, E, R>(
    pool: &PgPool,
    key: &Key<'_>,
    request: &R,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<Response<T>, OnceError<E>>
where
    T: Serialize + DeserializeOwned,
    R: Serialize + ?Sized,
{
    DEFAULT.once(pool, key, request, work).await
}

/// [`Keys::sweep`] with the table `idempotency_keys`.
pub async fn sweep<P>(pool: &P, age: Duration) -> sqlx::Result<u64>
where
    for<'c> &'c P: Executor<'c, Database = Postgres>,
{
    DEFAULT.sweep(pool, age).await
}

/// A table of keys, with the statements on it. A clone is cheap.
#[derive(Clone, Debug)]
pub struct Keys {
    table: Arc<str>,
    begin: Arc<str>,
    claim: Arc<str>,
    read: Arc<str>,
    store: Arc<str>,
    sweep: Arc<str>,
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(DEFAULT_TABLE)
    }
}

impl Keys {
    /// The table's name, which may contain a schema, becomes part of statements as it is: never take it from a request.
    pub fn new(table: &str) -> Self {
        Self {
            table: table.into(),
            begin: begin(DEFAULT_LOCK_TIMEOUT),
            claim: format!(
                "insert into {table} (scope, key, request) values ($1, $2, $3) on conflict (scope, key) do nothing"
            )
            .into(),
            read: format!("select request = $3, response from {table} where scope = $1 and key = $2").into(),
            store: format!("update {table} set response = $3 where scope = $1 and key = $2").into(),
            sweep: format!(
                "delete from {table} where ctid = any(array(
                    select ctid from {table} where created_at <= now() - make_interval(secs => $1)
                    order by created_at limit {SWEEP_BATCH}))"
            )
            .into(),
        }
    }

    /// Sets how long a repeat waits for the request that holds its key, at least 1 ms. The same limit applies to each
    /// lock for which a statement of `work` waits, unless `work` executes another `set local lock_timeout`.
    #[must_use]
    pub fn with_lock_timeout(self, timeout: Duration) -> Self {
        Self { begin: begin(timeout), ..self }
    }

    /// Returns the pieces of a statement of your own; see [`Pieces`].
    pub fn pieces(&self) -> Pieces {
        Pieces::new(&self.table)
    }

    /// Executes `work` in a transaction unless the key has a response; then returns that one, marked as a repeat.
    ///
    /// `work` must leave `commit` and `rollback` to this function, and must not use another connection for its changes.
    pub async fn once<T, E, R>(
        &self,
        pool: &PgPool,
        key: &Key<'_>,
        request: &R,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<Response<T>, OnceError<E>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + ?Sized,
    {
        key.check()?;
        let request = fingerprint(request).map_err(OnceError::<E>::Json)?;
        // Each way out that does not commit drops the transaction. The pool then rolls it back.
        let mut transaction = pool.begin_with(AssertSqlSafe(Arc::clone(&self.begin))).await?;
        let connection: &mut PgConnection = &mut transaction;
        if !self.claim(connection, key, &request).await.map_err(in_progress_or_failed::<E>)? {
            return self.read(connection, key, &request).await;
        }
        let value = work(connection).await.map_err(OnceError::Work)?;
        let json = to_json::<T, E>(&value)?;
        self.store(&mut transaction, key, &json).await?;
        transaction.commit().await?;
        Ok(Response { value, is_repeat: false })
    }

    /// Returns false if the key has a row.
    async fn claim(&self, connection: &mut PgConnection, key: &Key<'_>, request: &Fingerprint) -> sqlx::Result<bool> {
        let claimed = sqlx::query(AssertSqlSafe(Arc::clone(&self.claim)))
            .bind(key.scope)
            .bind(key.key)
            .bind(request.as_slice())
            .execute(connection)
            .await?;
        Ok(claimed.rows_affected() > 0)
    }

    // The claim waited for the transaction that inserted the row, so that transaction has committed. At read committed,
    // each statement sees what was committed before it began: this one sees the row, with its response. The claim
    // itself began earlier and could not return it. At repeatable read, the claim would fail after the wait.
    async fn read<T, E>(
        &self,
        connection: &mut PgConnection,
        key: &Key<'_>,
        request: &Fingerprint,
    ) -> Result<Response<T>, OnceError<E>>
    where
        T: DeserializeOwned,
    {
        let row: Option<(bool, Option<String>)> = sqlx::query_as(AssertSqlSafe(Arc::clone(&self.read)))
            .bind(key.scope)
            .bind(key.key)
            .bind(request.as_slice())
            .fetch_optional(connection)
            .await?;
        // A sweep may have removed the row since the claim.
        let Some((is_same, json)) = row else { return Err(OnceError::InProgress) };
        from_row(is_same, json.as_deref(), true)
    }

    async fn store(&self, connection: &mut PgConnection, key: &Key<'_>, json: &str) -> sqlx::Result<()> {
        let stored = sqlx::query(AssertSqlSafe(Arc::clone(&self.store)))
            .bind(key.scope)
            .bind(key.key)
            .bind(json)
            .execute(connection)
            .await?;
        // `work` has removed the claim. To commit now would let a repeat make the changes again.
        if stored.rows_affected() == 0 { Err(sqlx::Error::RowNotFound) } else { Ok(()) }
    }

    /// Removes the rows that are at least this old, in batches of 5 000, and returns their number. A request that is
    /// repeated later than this changes everything again.
    pub async fn sweep<P>(&self, pool: &P, age: Duration) -> sqlx::Result<u64>
    where
        for<'c> &'c P: Executor<'c, Database = Postgres>,
    {
        let mut removed = 0;
        loop {
            let sweep = sqlx::query::<Postgres>(AssertSqlSafe(Arc::clone(&self.sweep))).bind(age.as_secs_f64());
            let batch = sweep.execute(pool).await?.rows_affected();
            removed += batch;
            if batch < SWEEP_BATCH {
                return Ok(removed);
            }
        }
    }
}

/// One round trip for both statements. The isolation level is named because a database may have another default.
fn begin(lock_timeout: Duration) -> Arc<str> {
    // Zero would mean no limit.
    let milliseconds = lock_timeout.as_millis().clamp(1, MAX_LOCK_TIMEOUT);
    format!("begin isolation level read committed; set local lock_timeout = {milliseconds}").into()
}

fn in_progress_or_failed<E>(error: sqlx::Error) -> OnceError<E> {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if code.is_some_and(|code| code == LOCK_NOT_AVAILABLE) { OnceError::InProgress } else { OnceError::Database(error) }
}
