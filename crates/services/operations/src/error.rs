//! The service's error, and its conversion to a gRPC status.

use platform::{grpc::with_reason, outage::refused, postgres::DatabaseError};
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("order not found")]
    OrderNotFound,
    #[error("the receipt cannot be made now")]
    NoReceipt(#[source] anyhow::Error),
    #[error("{0} cannot be read now")]
    NotRead(&'static str, #[source] anyhow::Error),
    /// Another action of the same kind runs. The text says what to wait for.
    #[error("{0}")]
    Busy(&'static str),
    #[error("the operator has begun no such action")]
    ActionNotFound,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Another service's store that does not respond is not an outage of this service, so these refusals have a reason.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::OrderNotFound => with_reason(Code::NotFound, "ORDER_NOT_FOUND", text),
            // The cause is logged already, and is not for customers.
            Error::NoReceipt(_) => with_reason(Code::Unavailable, "NO_RECEIPT", text),
            // An operator sees the cause: the console says what was not read.
            Error::NotRead(_, cause) => {
                refused("operator view unavailable", format!("{text}: {cause:#}"));
                with_reason(Code::Unavailable, "NOT_READ", format!("{cause:#}"))
            }
            Error::Busy(_) => Self::aborted(text),
            Error::ActionNotFound => Self::not_found(text),
            Error::Database(error) => error.into(),
        }
    }
}
