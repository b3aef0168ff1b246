//! The service's error, and its conversion to the failure of a consumer. `api::problems` converts it to HTTP problems.

use platform::{http::problem::Problem, kafka::Failure, postgres::DatabaseError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("order not found")]
    OrderNotFound,
    #[error("all event streams are in use; try again later")]
    TooManyStreams,
    /// Another service's refusal, which is passed on.
    #[error("{}", .0.message)]
    Refused(Box<Problem>),
    #[error("{0} is unavailable")]
    Unavailable(&'static str, #[source] anyhow::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(..) | Error::TooManyStreams | Error::Refused(_) => Self::transient(error),
            Error::OrderNotFound => Self::poison(error.to_string()),
            Error::Database(error) => error.into(),
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
