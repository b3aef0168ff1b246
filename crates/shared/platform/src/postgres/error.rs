//! Database failures as services see them: unavailable, refused, inconsistent.

use std::fmt;

use tonic::Status;

use super::{is_permanent, is_unavailable};
use crate::kafka::Failure;

/// The reasons for which a statement failed.
#[derive(thiserror::Error)]
pub enum DatabaseError {
    /// The unchanged statement may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The statement may or may not succeed later: a waiting caller gets the error at once.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
    /// A row that no version of this service wrote.
    #[error("the row {key} of {table} is inconsistent: {column}")]
    Inconsistent { table: &'static str, column: &'static str, key: String },
}

impl DatabaseError {
    /// Reports a row whose `column` has a value that the service does not know. `key` names the row.
    #[expect(clippy::needless_pass_by_value, reason = "keys are ids, which are copied")]
    pub fn inconsistent(table: &'static str, column: &'static str, key: impl ToString) -> Self {
        Self::Inconsistent { table, column, key: key.to_string() }
    }
}

/// As it is displayed, with its causes: the `Debug` of sqlx shows PostgreSQL's detail, such as the key that is a duplicate.
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

/// To a caller over gRPC: UNAVAILABLE, or INTERNAL with the cause in the log alone.
impl From<DatabaseError> for Status {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(_) => Self::unavailable(error.to_string()),
            DatabaseError::Refused(_) | DatabaseError::Inconsistent { .. } => {
                tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "a call failed");
                Self::internal("internal error")
            }
        }
    }
}

/// For a consumer, only an error known to be permanent is poison.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Unavailable(_) => Self::transient(error),
            DatabaseError::Refused(cause) if !is_permanent(cause) => Self::transient(error),
            DatabaseError::Refused(_) | DatabaseError::Inconsistent { .. } => {
                Self::poison(format!("{:#}", anyhow::Error::from(error)))
            }
        }
    }
}
