//! What can go wrong, and what each side is told of it.

use platform::{grpc::with_reason, kafka::Failure};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{client::Unknown, model::Decline};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no payment of this order")]
    NotFound,
    #[error("user_uuid: there is no such user")]
    AnotherUser,
    #[error("{0}: another one was sent for this attempt")]
    Differs(&'static str),
    #[error("nothing was charged: {reason}", reason = .0.as_str())]
    Declined(Decline),
    #[error("another attempt to pay this order is in progress")]
    InProgress,
    #[error("this order is cancelled")]
    Cancelled,
    #[error("order {0} is not cancelled")]
    NotCancelled(Uuid),
    #[error("amount_minor: the order service alone pays an order of the shop")]
    NotOrder,
    #[error("the outcome is not known yet")]
    Unknown(#[from] Unknown),
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
        let text = error.to_string();
        match error {
            Error::NotFound | Error::AnotherUser => Self::not_found(text),
            Error::Differs(_) => Self::already_exists(text),
            Error::Declined(decline) => with_reason(Code::FailedPrecondition, decline.as_str(), text),
            Error::InProgress => with_reason(Code::FailedPrecondition, "PAYMENT_IN_PROGRESS", text),
            Error::Cancelled => with_reason(Code::FailedPrecondition, "ORDER_CANCELLED", text),
            Error::NotCancelled(_) => with_reason(Code::FailedPrecondition, "ORDER_NOT_CANCELLED", text),
            Error::NotOrder => Self::permission_denied(text),
            Error::Unknown(_) => {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "a call is answered without its outcome"
                );
                with_reason(Code::Unavailable, "PAYMENT_OUTCOME_UNKNOWN", text)
            }
            Error::Unavailable(_) => Self::unavailable(text),
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
            Error::Unavailable(_) | Error::Unknown(_) | Error::InProgress => Self::transient(error),
            Error::Database(ref cause) if !platform::postgres::is_permanent(cause) => Self::transient(error),
            Error::NotFound
            | Error::AnotherUser
            | Error::Differs(_)
            | Error::Declined(_)
            | Error::Cancelled
            | Error::NotCancelled(_)
            | Error::NotOrder
            | Error::Database(_)
            | Error::Inconsistent(_) => Self::poison(format!("{:#}", anyhow::Error::from(error))),
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
