//! The database errors that services distinguish, unavailable, refused and inconsistent, and the errors of PostgreSQL:
//! can a retry succeed? There are two questions with different defaults:
//!
//! - [`is_permanent`] is for consumers. An error counts as transient unless it is certainly permanent, so that no event
//!   is dead-lettered in an outage.
//! - [`is_unavailable`] is for callers that wait, and for migrations. An error that is not certainly transient counts
//!   as a defect and fails at once.

use std::fmt;

use sqlx::Error;
use tonic::Status;

use crate::{error_chain, kafka::Failure};

#[derive(thiserror::Error)]
pub enum DatabaseError {
    /// The same statement may succeed later.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The statement failed for another reason and may or may not succeed later. A waiting caller gets the error at
    /// once.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
    /// A row has a value that this service cannot have written.
    #[error("the row {key} of {table} is inconsistent: {column}")]
    Inconsistent { table: &'static str, column: &'static str, key: String },
}

impl DatabaseError {
    /// Creates the error for the row `key`, whose `column` has an unknown value.
    #[expect(clippy::needless_pass_by_value, reason = "keys are ids, which are copied")]
    pub fn inconsistent(table: &'static str, column: &'static str, key: impl ToString) -> Self {
        Self::Inconsistent { table, column, key: key.to_string() }
    }

    /// Returns true if the statement can never succeed with its data. A job that writes many rows with one statement
    /// then looks for the row that is the reason. Any other refusal, such as of a missing table, concerns all rows.
    pub fn is_permanent_refusal(&self) -> bool {
        matches!(self, Self::Refused(cause) if is_permanent(cause))
    }
}

/// Exports the counter with the value 0. Otherwise a series would begin with its first increment, which `rate()` would
/// miss.
pub(crate) fn count_from_zero() {
    metrics::counter!("inconsistent_rows_total").increment(0);
}

/// Returns a decoded row. Logs, counts and skips an inconsistent one, so that it delays no other row.
pub fn consistent<T, E: fmt::Display>(row: Result<T, E>) -> Option<T> {
    row.inspect_err(|error| {
        count_skipped_row();
        tracing::error!(%error, "row skipped");
    })
    .ok()
}

/// Counts a row that a job or a list leaves out because it cannot be decoded or changed. The caller logs which row it
/// is.
pub fn count_skipped_row() {
    metrics::counter!("inconsistent_rows_total").increment(1);
}

/// Formats the error like `Display`, with its cause. sqlx's own `Debug` would also print PostgreSQL's detail, such as a
/// duplicate key's value.
impl fmt::Debug for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) | Self::Refused(cause) => write!(formatter, "{self}: {cause}"),
            Self::Inconsistent { .. } => fmt::Display::fmt(self, formatter),
        }
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) { Self::Unavailable(error) } else { Self::Refused(error) }
    }
}

/// Maps the error to UNAVAILABLE; to ABORTED if another request holds a lock, which a caller's circuit breaker does not
/// count as an outage; or to INTERNAL without the cause, which is only logged.
impl From<DatabaseError> for Status {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(cause) if is_contended(&cause) => {
                Self::aborted("another request is changing the same rows; try again")
            }
            DatabaseError::Unavailable(_) => Self::unavailable(error.to_string()),
            DatabaseError::Refused(_) | DatabaseError::Inconsistent { .. } => {
                tracing::error!(error = error_chain(error), "call failed");
                Self::internal("internal error")
            }
        }
    }
}

/// Maps the error to poison only if it is certainly permanent.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Inconsistent { .. } => Self::poison(error_chain(error)),
            refused if refused.is_permanent_refusal() => Self::poison(error_chain(error)),
            DatabaseError::Unavailable(_) | DatabaseError::Refused(_) => Self::transient(error),
        }
    }
}

/// Returns true if the statement can never succeed with this data. Every other error may disappear, by itself or after
/// an operator's action: a password that is being rotated, a revoked right, a lock, or a schema that does not exist
/// yet.
pub fn is_permanent(error: &Error) -> bool {
    match error {
        // Classes 22 data exception, 23 integrity constraint violation.
        Error::Database(_) if is_of_class(error, &["22", "23"]) => true,
        // Class 54 program limit exceeded, with the name of an index: a value is too long for it. Without a name it may
        // be a limit of the server, which refuses all writes when it runs out of transaction ids, until it is vacuumed.
        Error::Database(cause) => is_of_class(error, &["54"]) && cause.constraint().is_some(),
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) => true,
        _ => false,
    }
}

/// Returns true if the same statement may succeed later: the server may be unavailable, starting, full, refuse the user
/// or the database for now, or have cancelled this statement to resolve a deadlock.
pub fn is_unavailable(error: &Error) -> bool {
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => true,
        // Classes 08 connection, 25 transaction state (read-only standby), 40 rollback, 53 resources, 55 object not in
        // the prerequisite state, 57 operator, 58 system.
        _ => is_refused(error) || is_of_class(error, &["08", "25", "40", "53", "55", "57", "58"]),
    }
}

/// Returns true if another transaction holds a lock for too long, or the statement was cancelled to resolve a deadlock.
/// The server itself works, and other statements are not affected.
pub fn is_contended(error: &Error) -> bool {
    // 55P03 lock not available (`lock_timeout`), 40P01 deadlock detected.
    is_of_class(error, &["55P03", "40P01"])
}

/// Returns true if the server refuses this user or database, which only an operator can change.
pub fn is_refused(error: &Error) -> bool {
    // Classes 28 invalid authorization, 3D invalid catalog name; 42501 insufficient privilege.
    is_of_class(error, &["28", "3D", "42501"])
}

/// Returns true if this connection, and every one at least as old, must not be used again: the server closed it or is
/// closing it, or it keeps an outdated setting or table plan.
pub(super) fn is_stale(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        // Class 08 connection; 57P01 to 57P05 the server stops, crashed, starts, dropped the database, or ended an idle
        // session; 25006 read-only: a connection that was opened while the server was read-only stays read-only; 0A000
        // "cached plan must not change result type".
        _ => is_of_class(error, &["08", "57P01", "57P02", "57P03", "57P04", "57P05", "25006", "0A000"]),
    }
}

fn is_of_class(error: &Error, classes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Returns true if the connection failed because the server has no TLS or an untrusted certificate, which no retry can
/// change.
pub(super) fn is_untrusted(error: &Error) -> bool {
    match error {
        Error::Tls(_) => true,
        Error::Io(error) => error.get_ref().and_then(|cause| cause.downcast_ref()).is_some_and(|cause| {
            matches!(cause, rustls::Error::InvalidCertificate(_) | rustls::Error::PeerIncompatible(_))
        }),
        _ => false,
    }
}
