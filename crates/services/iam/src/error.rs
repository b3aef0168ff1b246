//! What can go wrong, and what the caller is told of it.

use tonic::Status;

use crate::model::Invalid;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("login is already taken")]
    LoginTaken,
    #[error("email is already taken")]
    EmailTaken,
    /// The one answer to an unknown login, a wrong password and a login that is locked out.
    #[error("wrong login or password")]
    WrongCredentials,
    #[error("invalid session")]
    InvalidSession,
    #[error("user not found")]
    UserNotFound,
    #[error("too many failed attempts from this address")]
    TooManyAttempts,
    #[error("too many passwords are being checked")]
    HashingBusy,
    #[error("a password could not be hashed: {0}")]
    Hashing(String),
    #[error("the database is not available")]
    DatabaseUnavailable(#[source] sqlx::Error),
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    #[error("sessions are not available")]
    SessionsUnavailable(#[source] redis::RedisError),
    #[error("a session could not be written")]
    Session(#[source] serde_json::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if platform::postgres::is_unavailable(&error) {
            Self::DatabaseUnavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(_) => Self::invalid_argument(message),
            Error::LoginTaken | Error::EmailTaken => Self::already_exists(message),
            Error::WrongCredentials | Error::InvalidSession => Self::unauthenticated(message),
            Error::UserNotFound => Self::not_found(message),
            Error::TooManyAttempts | Error::HashingBusy => Self::resource_exhausted(message),
            Error::DatabaseUnavailable(_) | Error::SessionsUnavailable(_) => Self::unavailable(message),
            Error::Hashing(_) | Error::Database(_) | Error::Session(_) => {
                tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "a call failed");
                Self::internal("internal error")
            }
        }
    }
}
