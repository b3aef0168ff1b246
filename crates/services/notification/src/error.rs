//! The service's error, and its conversion to a gRPC status and to the `Failure` that a consumer returns.

use platform::{grpc::with_reason, kafka::Failure, postgres::DatabaseError};
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("notification not found")]
    NotFound,
    #[error("the notification was sent or failed less than a minute ago; try again later")]
    JustEnded,
    #[error("the notification was sent twice, or a second time with an unknown outcome")]
    SentTwice,
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
            Error::JustEnded => with_reason(Code::FailedPrecondition, "NOTIFICATION_JUST_ENDED", text),
            Error::SentTwice => with_reason(Code::FailedPrecondition, "NOTIFICATION_SENT_TWICE", text),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::NotFound | Error::JustEnded | Error::SentTwice => Self::poison(error.to_string()),
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
