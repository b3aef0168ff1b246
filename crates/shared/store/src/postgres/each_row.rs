//! Rows of which some may be unreadable or refused: a statement's rows are decoded one by one, and rows that one
//! statement writes are written in halves if PostgreSQL refuses some of them.

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

/// Returns this row for any statement.
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

/// The parts of rows that are still to be written: at first all rows as one part. A part that PostgreSQL refuses is
/// halved until each refused row is alone, so that the others are written in few statements.
pub struct Halves<'r, R>(Vec<&'r [R]>);

impl<'r, R> Halves<'r, R> {
    pub fn new(rows: &'r [R]) -> Self {
        Self(if rows.is_empty() { Vec::new() } else { vec![rows] })
    }

    /// Takes the next part, in the order of the rows.
    pub fn next_part(&mut self) -> Option<&'r [R]> {
        self.0.pop()
    }

    /// Returns the row if the refused part has only one, and counts it as skipped. Otherwise splits the part into
    /// halves, which are the next parts.
    pub fn refused(&mut self, part: &'r [R]) -> Option<&'r R> {
        if let [row] = part {
            count_skipped_row();
            return Some(row);
        }
        let (first, second) = part.split_at(part.len() / 2);
        self.0.extend([second, first]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_but_the_refused_ones_are_written_in_their_order() {
        let (mut written, mut refused, mut statements) = (Vec::<u32>::new(), Vec::new(), 0);

        let rows: Vec<u32> = (0..100).collect();
        let mut parts = Halves::new(&rows);
        while let Some(part) = parts.next_part() {
            statements += 1;
            if part.contains(&7) || part.contains(&70) {
                refused.extend(parts.refused(part));
            } else {
                written.extend(part);
            }
        }

        assert_eq!(refused, [&7, &70]);
        assert_eq!(written, rows.iter().filter(|row| !refused.contains(row)).copied().collect::<Vec<_>>());
        assert!(statements < 30, "{statements} statements");
        assert!(Halves::<u32>::new(&[]).next_part().is_none());
    }
}
