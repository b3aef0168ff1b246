//! The service's error, and its conversion to a gRPC status and to a consumer's `Failure`.

use platform::{grpc::with_reason, kafka::Failure, postgres::DatabaseError};
use tonic::{Code, Status};

use crate::model::CustomerRefusal;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("customer not found")]
    NotFound,
    #[error(transparent)]
    Refused(#[from] CustomerRefusal),
    #[error("LOAN_ID_REUSED: another loan has this loan_id")]
    LoanIdReused,
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
            Error::NotFound => Self::not_found(text),
            Error::Refused(CustomerRefusal::Exists) | Error::LoanIdReused => Self::already_exists(text),
            Error::Refused(CustomerRefusal::InProgress) => {
                with_reason(Code::FailedPrecondition, "KYC_IN_PROGRESS", text)
            }
            Error::Refused(CustomerRefusal::NotInProgress) => {
                with_reason(Code::FailedPrecondition, "KYC_NOT_IN_PROGRESS", text)
            }
            Error::Refused(CustomerRefusal::SelfDealing) => with_reason(Code::FailedPrecondition, "SELF_DEALING", text),
            Error::Refused(CustomerRefusal::Erased) => with_reason(Code::FailedPrecondition, "CUSTOMER_ERASED", text),
            Error::Refused(CustomerRefusal::VersionConflict(_)) => with_reason(Code::Aborted, "VERSION_CONFLICT", text),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound | Error::Refused(_) | Error::LoanIdReused => Self::poison(error.to_string()),
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
