//! What can go wrong, and what each side is told of it.

use platform::{
    grpc::{about, with_reason},
    kafka::Failure,
};
use tonic::{Code, Status};
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no part {0}")]
    PartNotFound(Uuid),
    #[error("part {0} is out of stock")]
    OutOfStock(Uuid),
    #[error("order {0} has no reservation")]
    ReservationNotFound(Uuid),
    #[error("the reservation of order {0} has ended")]
    ReservationEnded(Uuid),
    #[error("the reservation of order {0} is changed by too many at once")]
    Contended(Uuid),
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
            Error::PartNotFound(part) => about(with_reason(Code::NotFound, "PART_NOT_FOUND", text), part),
            Error::OutOfStock(part) => about(with_reason(Code::FailedPrecondition, "OUT_OF_STOCK", text), part),
            Error::ReservationNotFound(_) => with_reason(Code::NotFound, "RESERVATION_NOT_FOUND", text),
            Error::ReservationEnded(_) => with_reason(Code::FailedPrecondition, "RESERVATION_ENDED", text),
            Error::Contended(_) => Self::aborted(text),
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
            Error::Contended(_) | Error::Unavailable(_) => Self::transient(error),
            Error::Database(ref cause) if !platform::postgres::is_permanent(cause) => Self::transient(error),
            Error::PartNotFound(_)
            | Error::OutOfStock(_)
            | Error::ReservationNotFound(_)
            | Error::ReservationEnded(_)
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
