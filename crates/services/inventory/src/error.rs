//! The service's errors, and how gRPC callers and consumers see them.

use contracts::ids::{OrderId, PartId};
use platform::{
    error_chain,
    grpc::{Unavailable, about, with_reason},
    kafka::Failure,
    postgres::DatabaseError,
};
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("part {0} not found")]
    PartNotFound(PartId),
    #[error("part {0} is out of stock")]
    OutOfStock(PartId),
    /// The user's unpaid orders would hold more than a user's share of the part.
    #[error("too many of part {0} are reserved for this user's unpaid orders")]
    TooManyReserved(PartId),
    #[error("reservation of order {0} not found")]
    ReservationNotFound(OrderId),
    #[error("the reservation of order {0} has ended")]
    ReservationEnded(OrderId),
    #[error("too many concurrent changes of the reservation of order {0}")]
    Contended(OrderId),
    /// An earlier restock with other parts or quantities has the same id.
    #[error("parts: must be those of the restock_uuid's first request")]
    AnotherRestock,
    #[error(transparent)]
    OrderUnavailable(#[from] Unavailable),
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
            Error::PartNotFound(part) => about(with_reason(Code::NotFound, "PART_NOT_FOUND", text), part),
            Error::OutOfStock(part) => about(with_reason(Code::FailedPrecondition, "OUT_OF_STOCK", text), part),
            Error::TooManyReserved(part) => {
                about(with_reason(Code::FailedPrecondition, "TOO_MANY_RESERVED", text), part)
            }
            Error::ReservationNotFound(_) => with_reason(Code::NotFound, "RESERVATION_NOT_FOUND", text),
            Error::ReservationEnded(_) => with_reason(Code::FailedPrecondition, "RESERVATION_ENDED", text),
            Error::Contended(_) => Self::aborted(text),
            Error::AnotherRestock => Self::already_exists(text),
            Error::OrderUnavailable(_) => Self::unavailable(text),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::Contended(_) | Error::OrderUnavailable(_) => Self::transient(error),
            Error::PartNotFound(_)
            | Error::OutOfStock(_)
            | Error::TooManyReserved(_)
            | Error::ReservationNotFound(_)
            | Error::ReservationEnded(_)
            | Error::AnotherRestock => Self::poison(error_chain(error)),
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
