//! What can go wrong, and what each side is told of it.

use platform::kafka::Failure;
use tonic::Status;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no assembly of this order")]
    NotFound,
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    #[error("a row is inconsistent: {0}")]
    Inconsistent(&'static str),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if platform::postgres::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(error.to_string()),
            Error::Unavailable(_) => Self::unavailable(error.to_string()),
            Error::Database(_) | Error::Inconsistent(_) => {
                tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "a call failed");
                Self::internal("internal error")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => Self::transient(error),
            Error::Database(ref cause) if !platform::postgres::is_permanent(cause) => Self::transient(error),
            Error::NotFound | Error::Database(_) | Error::Inconsistent(_) => {
                Self::poison(format!("{:#}", anyhow::Error::from(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_gives_up_only_what_is_known_to_be_permanent() {
        testkit::assert_only_the_permanent_is_poison(|error| Error::from(error).into());
    }
}
