//! The service's error, and its conversion to a consumer's `Failure`. `api::problems` converts it to HTTP problems.

use platform::{kafka::Failure, postgres::DatabaseError};

use crate::model::Broken;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The published API prescribes this message.
    #[error("order not found")]
    NotFound,
    #[error("ORDER_UID_REUSED: another order has this order_uid")]
    Reused,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the order is longer than the topic takes")]
    TooLong,
    #[error("the topic is unavailable")]
    Topic(#[source] anyhow::Error),
    #[error("the order could not be looked up in time")]
    TooSlow,
    #[error("too many orders are being looked up")]
    TooManyLookups,
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
            Error::Topic(_) | Error::TooSlow | Error::TooManyLookups => Self::transient(error),
            Error::NotFound | Error::Reused | Error::Broken(_) | Error::TooLong => Self::poison(error.to_string()),
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
