//! The service's errors.

use contracts::{ids::OrderId, money::MoneyError};
use platform::{error_chain, kafka::Failure, postgres::DatabaseError};

use crate::model::IllegalTransition;
pub use crate::model::OrderRefusal;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] OrderRefusal),
    #[error("must be the caller's")]
    UserMismatch,
    #[error("payment of order {0} not found")]
    PaymentNotFound(OrderId),
    #[error("a payment of this order is in progress")]
    PaymentInProgress,
    #[error("the outcome of the payment is not known yet; the order will show it")]
    PaymentOutcomeUnknown,
    #[error("a request with this Idempotency-Key is in progress")]
    KeyInProgress,
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// This is not a [`OrderRefusal`], because it is temporary and must not be stored under the idempotency key.
    #[error("you have {max_unpaid} unpaid orders; pay or cancel one of them, or wait until one expires")]
    TooManyUnpaid { max_unpaid: u32 },
    #[error("an order with a delivery address may have at most {max_volume} parts")]
    TooLargeToDeliver { max_volume: usize },
    #[error("delivery of order {0} not found")]
    DeliveryNotFound(OrderId),
    #[error("{0} is unavailable")]
    Unavailable(&'static str, #[source] anyhow::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("inconsistent: {0}")]
    Inconsistent(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The sum of prices can fail only by being too large.
impl From<MoneyError> for Error {
    fn from(_: MoneyError) -> Self {
        OrderRefusal::TotalTooLarge.into()
    }
}

impl From<IllegalTransition> for Error {
    fn from(error: IllegalTransition) -> Self {
        match error {
            IllegalTransition::Status(status) => OrderRefusal::InvalidStatus(status).into(),
            IllegalTransition::PaymentInProgress => Self::PaymentInProgress,
            IllegalTransition::NoAttempt => Self::Inconsistent(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(..)
            | Error::PaymentInProgress
            | Error::PaymentOutcomeUnknown
            | Error::KeyInProgress
            | Error::TooManyUnpaid { .. } => Self::transient(error),
            Error::Database(error) => error.into(),
            error => Self::poison(error_chain(error)),
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
