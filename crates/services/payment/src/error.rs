//! The service's errors, and how gRPC callers and consumers see them.

use contracts::ids::OrderId;
use platform::{error_chain, grpc::with_reason, kafka::Failure, outage::refused, postgres::DatabaseError};
use tonic::{Code, Status};

use crate::{
    client::Unknown,
    model::{Decline, RefundRefusal},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("payment not found")]
    NotFound,
    #[error("user_uuid: user not found")]
    AnotherUser,
    #[error("{0}: must be that of the attempt's first request")]
    Differs(&'static str),
    /// An earlier attempt charged another user.
    #[error("user_uuid: another user pays this order")]
    AnotherPayer,
    #[error("nothing was charged: {reason}", reason = .0.as_str())]
    Declined(Decline),
    #[error("another attempt to pay this order is in progress")]
    InProgress,
    #[error("this order is cancelled")]
    Cancelled,
    #[error("order {0} is not cancelled")]
    NotCancelled(OrderId),
    #[error(transparent)]
    NotRefunded(#[from] RefundRefusal),
    #[error("an operator cannot refund an order of their own")]
    SelfDealing,
    /// The reference belongs to an earlier refund of the order with another amount or reason.
    #[error("{0}: must be that of the reference's first request")]
    AnotherRefund(&'static str),
    /// A service other than order tries to charge an order.
    #[error("amount_minor: only the order service may charge an order")]
    NotOrderService,
    /// The reference belongs to an earlier credit with another user or amount.
    #[error("{0}: must be that of the reference's first request")]
    AnotherCredit(&'static str),
    #[error("amount_minor: the credit would exceed the maximum balance")]
    BalanceTooLarge,
    #[error("the outcome of the payment is not known yet")]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound | Error::AnotherUser => Self::not_found(text),
            Error::Differs(_) | Error::AnotherPayer | Error::AnotherCredit(_) | Error::AnotherRefund(_) => {
                Self::already_exists(text)
            }
            Error::Declined(decline) => with_reason(Code::FailedPrecondition, decline.as_str(), text),
            Error::InProgress => with_reason(Code::FailedPrecondition, "PAYMENT_IN_PROGRESS", text),
            Error::Cancelled => with_reason(Code::FailedPrecondition, "ORDER_CANCELLED", text),
            Error::NotCancelled(_) => with_reason(Code::FailedPrecondition, "ORDER_NOT_CANCELLED", text),
            Error::NotRefunded(refusal) => {
                let reason = match refusal {
                    RefundRefusal::NotCharged => "ORDER_NOT_CHARGED",
                    RefundRefusal::TooLarge { .. } => "REFUND_TOO_LARGE",
                    RefundRefusal::TooMany => "TOO_MANY_REFUNDS",
                };
                with_reason(Code::FailedPrecondition, reason, text)
            }
            Error::SelfDealing => with_reason(Code::FailedPrecondition, "SELF_DEALING", text),
            Error::BalanceTooLarge => with_reason(Code::FailedPrecondition, "BALANCE_TOO_LARGE", text),
            Error::NotOrderService => Self::permission_denied(text),
            Error::Unknown(_) => {
                refused("payment outcome unknown", error_chain(error));
                with_reason(Code::Unavailable, "PAYMENT_OUTCOME_UNKNOWN", text)
            }
            Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::Unknown(_) | Error::InProgress => Self::transient(error),
            Error::NotFound
            | Error::AnotherUser
            | Error::Differs(_)
            | Error::AnotherPayer
            | Error::Declined(_)
            | Error::Cancelled
            | Error::NotCancelled(_)
            | Error::NotRefunded(_)
            | Error::AnotherRefund(_)
            | Error::SelfDealing
            | Error::AnotherCredit(_)
            | Error::BalanceTooLarge
            | Error::NotOrderService => Self::poison(error_chain(error)),
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
