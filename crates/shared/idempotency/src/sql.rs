//! The pieces of a single statement that claims a key, makes changes and stores their response.

use serde::de::DeserializeOwned;

use crate::response::{OnceError, Response, from_row};

/// Pieces of SQL for a statement of your own, which costs one round trip instead of four.
///
/// The statement's first three parameters are
///
/// | | type | value |
/// |---|---|---|
/// | `$1` | `text` | [`Key::scope`](crate::Key) |
/// | `$2` | `text` | [`Key::key`](crate::Key), checked with [`Key::check`](crate::Key::check) |
/// | `$3` | `bytea` | [`fingerprint`](crate::fingerprint) of the request |
///
/// and its own begin with `$4`. It consists of
///
/// 1. [`known`](Self::known): the row of an earlier request;
/// 2. the changes, each of them with the condition [`is_new`](Self::is_new);
/// 3. `outcome`: a common table expression with one column `response text`, the JSON to store. It has one row if
///    [`is_new`](Self::is_new), otherwise none;
/// 4. [`stored`](Self::stored): inserts the outcome under the key;
/// 5. [`result`](Self::result): selects what [`response`](Self::response) reads.
///
/// ```no_run
/// use idempotency::{Key, Keys, OnceError, Pieces, Response, fingerprint};
/// use sqlx::{AssertSqlSafe, PgPool};
///
/// /// Returns the new balance, or `None` if there is too little money.
/// async fn debit(
///     pool: &PgPool,
///     key: &Key<'_>,
///     account: i64,
///     cents: i64,
/// ) -> Result<Response<Option<i64>>, OnceError<()>> {
///     let pieces = Keys::default().pieces();
///     let statement = format!(
///         "with {known},
///         debited as (
///             update accounts set cents = cents - $5
///             where id = $4 and cents >= $5 and {is_new}
///             returning cents
///         ),
///         outcome as (
///             select coalesce((select cents::text from debited), 'null') as response where {is_new}
///         ),
///         {stored}
///         {result}",
///         known = pieces.known,
///         is_new = pieces.is_new,
///         stored = pieces.stored,
///         result = pieces.result,
///     );
///     key.check()?;
///     let request = fingerprint(&("debit", account, cents)).map_err(OnceError::<()>::Json)?;
///     loop {
///         let row = sqlx::query_as(AssertSqlSafe(statement.clone()))
///             .bind(key.scope)
///             .bind(key.key)
///             .bind(request.as_slice())
///             .bind(account)
///             .bind(cents)
///             .fetch_one(pool)
///             .await;
///         match row {
///             Ok(row) => return Pieces::response(row),
///             // Nothing was changed. The next execution reads the other request's response.
///             Err(error) if pieces.is_concurrent(&error) => {}
///             Err(error) => return Err(error.into()),
///         }
///     }
/// }
/// ```
///
/// Three rules:
///
/// - Execute it at read committed (PostgreSQL's default), outside a transaction.
/// - Two requests at once under one key may both make their changes. The insert of the second then waits for the commit
///   of the first and fails, which undoes all that the second has changed; see [`is_concurrent`](Self::is_concurrent).
///   That is why `outcome` has a row for a refusal, too: without a row nothing is inserted, and a repeat that ran at
///   the same time could be told "too little money" for a debit that was made.
/// - `lock_timeout` is the session's.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The first common table expression.
    pub known: String,
    /// A condition: true if the key has no row.
    pub is_new: &'static str,
    /// The last common table expression. It reads the one with the name `outcome`.
    pub stored: String,
    /// The final `select`: `is_same boolean`, `response text`, `is_repeat boolean`.
    pub result: &'static str,
    /// The table's name without its schema.
    table: String,
}

/// The row of [`Pieces::result`].
pub type Row = (bool, Option<String>, bool);

impl Pieces {
    pub(crate) fn new(table: &str) -> Self {
        let (_, name) = table.rsplit_once('.').unwrap_or(("", table));
        Self {
            known: format!(
                "known as (
                    select request = $3::bytea as is_same, response from {table}
                    where scope = $1::text and key = $2::text
                )"
            ),
            is_new: "not exists (select from known)",
            stored: format!(
                "stored as (
                    insert into {table} (scope, key, request, response)
                    select $1::text, $2::text, $3::bytea, outcome.response from outcome
                )"
            ),
            result: "select is_same, response, true as is_repeat from known
                union all select true, response, false from outcome",
            table: name.trim_matches('"').to_owned(),
        }
    }

    /// Reads the statement's row: the response, or [`OnceError::Reused`].
    pub fn response<T: DeserializeOwned, E>(row: Row) -> Result<Response<T>, OnceError<E>> {
        let (is_same, json, is_repeat) = row;
        from_row(is_same, json.as_deref(), is_repeat)
    }

    /// Returns true if another request under the key committed while the statement ran. The statement changed nothing
    /// and has to be executed again.
    pub fn is_concurrent(&self, error: &sqlx::Error) -> bool {
        let error = error.as_database_error();
        error.is_some_and(|error| error.is_unique_violation() && error.table() == Some(self.table.as_str()))
    }
}
