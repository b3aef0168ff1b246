//! The database errors that services distinguish, unavailable, refused and inconsistent, and the errors of PostgreSQL:
//! can a retry succeed? There are two questions with different defaults:
//!
//! - [`is_permanent`] is for consumers. An error counts as transient unless it is certainly permanent, so that no event
//!   is dead-lettered in an outage.
//! - [`is_unavailable`] is for callers that wait, and for migrations. An error that is not certainly transient counts
//!   as a defect and fails at once.

use std::fmt;

use base::error_chain;
use group_commit::{is_contended, is_unavailable};
use sqlx::Error;
use tonic::Status;

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
pub fn count_from_zero() {
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

/// Returns true if the statement can never succeed with this data. Every other error may disappear, by itself or after
/// an operator's action: a password that is being rotated, a revoked right, a lock, or a schema that does not exist
/// yet.
pub fn is_permanent(error: &Error) -> bool {
    match error {
        Error::Database(cause) => match cause.code().as_deref().and_then(|code| code.get(..2)) {
            // Classes 22 data exception, 23 integrity constraint violation.
            Some("22" | "23") => true,
            // Class 54 program limit exceeded, with the name of an index: a value is too long for it. Without a name it
            // may be a limit of the server, which refuses all writes when it runs out of transaction ids, until it is
            // vacuumed.
            Some("54") => cause.constraint().is_some(),
            _ => false,
        },
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) => true,
        _ => false,
    }
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
