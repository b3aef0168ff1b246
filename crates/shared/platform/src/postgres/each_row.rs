//! Decodes the rows of a statement one by one.

use std::panic::AssertUnwindSafe;

use futures::{
    FutureExt as _, StreamExt as _,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Execute, Executor, IntoArguments, Postgres, Row as _, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
    query::Map,
};
use uuid::Uuid;

use super::{Database, error::count_skipped_row};

/// Executes a statement and decodes its rows. Logs, counts and skips a row that cannot be decoded, such as one with an
/// infinite time, for which chrono panics. `fetch_all` would return none of the rows.
///
/// The first column must be the row's key. `statement` is called once more for each row, since only a statement knows
/// how to decode its rows.
pub async fn fetch_each<'q, T, F, A>(
    database: &Database,
    statement: impl Fn() -> Map<'q, Postgres, F, A>,
) -> sqlx::Result<Vec<T>>
where
    T: Send + Unpin,
    F: FnMut(PgRow) -> sqlx::Result<T> + Send,
    A: 'q + Send + IntoArguments<Postgres>,
{
    let rows = database.fetch_all(statement()).await?;
    let mut decoded = Vec::with_capacity(rows.len());
    for row in rows {
        let key = row.try_get::<Uuid, _>(0).map(|key| key.to_string()).or_else(|_| row.try_get(0)).unwrap_or_default();
        let error = match AssertUnwindSafe(statement().fetch_one(OneRow(row))).catch_unwind().await {
            Ok(Ok(row)) => {
                decoded.push(row);
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a value is out of range".to_owned(),
        };
        count_skipped_row();
        tracing::error!(key, error, "row skipped");
    }
    Ok(decoded)
}

/// Answers any statement with this row.
#[derive(Debug)]
struct OneRow(PgRow);

impl<'c> Executor<'c> for OneRow {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, _: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        stream::iter([Ok(Either::Right(self.0))]).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, _: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        future::ready(Ok(Some(self.0))).boxed()
    }

    fn prepare_with<'e>(self, _: SqlStr, _: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        future::ready(Err(sqlx::Error::WorkerCrashed)).boxed()
    }

    fn describe<'e>(self, _: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        future::ready(Err(sqlx::Error::WorkerCrashed)).boxed()
    }
}
