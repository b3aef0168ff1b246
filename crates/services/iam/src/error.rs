//! The service's errors, and their gRPC statuses.

use contracts::ids::OrderId;
use platform::{
    error_chain,
    grpc::{Unavailable, with_reason},
    invalid::{InvalidField, InvalidFields},
    postgres::DatabaseError,
};
use tonic::{Code, Status};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Invalid(#[from] InvalidFields),
    #[error("the login is taken")]
    LoginTaken,
    /// An operator may not disable or enable its own account.
    #[error("an operator may not decide about its own account")]
    SelfDealing,
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The same error is returned for a wrong password, an unknown login and a locked account, so that the response
    /// does not tell them apart.
    #[error("wrong login or password")]
    WrongCredentials,
    /// The password matched the stored hash that was read, but a change of the password is in progress or has failed
    /// within the last minute, or the user has been changed since the read.
    #[error("the password is being changed; try again in a minute")]
    CredentialsChanging,
    #[error("invalid session")]
    InvalidSession,
    #[error("user not found")]
    UserNotFound,
    #[error("session not found")]
    SessionNotFound,
    #[error("the user has no Telegram contact")]
    NoTelegramContact,
    #[error("the code is wrong, has expired or was used")]
    WrongCode,
    /// The code was valid and has been consumed.
    #[error("the chat is not the Telegram contact of the code's user")]
    OtherChat,
    #[error("too many wrong codes from this chat")]
    TooManyCodes,
    #[error("too many failed attempts from this address")]
    TooManyAttempts,
    #[error("too many logins of this account or from this address")]
    TooManyLogins,
    /// Some of the user's open orders, and the number of all.
    #[error("{}", named(.0, *.1))]
    OrdersOpen(Vec<OrderId>, u32),
    #[error("an operator's account cannot end; the role has to be removed first")]
    StillOperator,
    #[error("the user's orders cannot be looked up now")]
    OrdersUnavailable(#[from] Unavailable),
    /// The session store is almost full, and the rest is kept for accounts that are at least a day old.
    #[error("new accounts cannot log in now")]
    NoRoom,
    #[error("too many registrations from this address")]
    TooManyRegistrations,
    #[error("too many passwords are being checked")]
    HashingBusy,
    #[error("a password could not be hashed: {0}")]
    Hashing(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The session store does not have the owner of a session, and the database did not respond. The failure was logged
    /// already.
    #[error("the user of the session cannot be read now")]
    OwnerUnavailable,
    #[error("sessions are unavailable")]
    SessionsUnavailable(#[source] redis::RedisError),
    /// Some sessions were not in the set of the user's sessions: Redis evicted the set, or it was deleted.
    #[error("not all sessions of the user are known, so some may still be open")]
    SessionsForgotten,
    #[error("an access token could not be signed")]
    TokenNotSigned,
    #[error("a session could not be written")]
    Session(#[source] serde_json::Error),
}

fn named(orders: &[OrderId], total: u32) -> String {
    let uuids: Vec<String> = orders.iter().map(OrderId::to_string).collect();
    let more = total.saturating_sub(u32::try_from(orders.len()).unwrap_or(u32::MAX));
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("orders are open: {}{more}", uuids.join(", "))
}

impl From<InvalidField> for Error {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(InvalidFields::from_iter([field]))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(fields) => fields.into(),
            Error::LoginTaken | Error::EmailTaken => Self::already_exists(message),
            Error::WrongCredentials | Error::InvalidSession => Self::unauthenticated(message),
            Error::UserNotFound | Error::SessionNotFound | Error::WrongCode => Self::not_found(message),
            Error::NoTelegramContact | Error::OtherChat | Error::StillOperator => Self::failed_precondition(message),
            Error::OrdersOpen(..) => with_reason(Code::FailedPrecondition, "ORDERS_OPEN", message),
            Error::OrdersUnavailable(error) => {
                tracing::warn!(error = error_chain(error), "orders of an account that is to end unavailable");
                Self::unavailable(message)
            }
            Error::SelfDealing => with_reason(Code::FailedPrecondition, "SELF_DEALING", message),
            Error::TooManyAttempts
            | Error::TooManyLogins
            | Error::NoRoom
            | Error::TooManyRegistrations
            | Error::HashingBusy => Self::resource_exhausted(message),
            Error::TooManyCodes => with_reason(Code::ResourceExhausted, "TOO_MANY_CODES", message),
            Error::CredentialsChanging => with_reason(Code::Unavailable, "CREDENTIALS_CHANGING", message),
            Error::SessionsUnavailable(_) | Error::OwnerUnavailable => Self::unavailable(message),
            Error::SessionsForgotten => {
                tracing::error!("the session store has lost the set of a user's sessions, so some may still be open");
                Self::unavailable(message)
            }
            Error::Database(error) => error.into(),
            Error::Hashing(_) | Error::TokenNotSigned | Error::Session(_) => {
                tracing::error!(error = error_chain(error), "call failed");
                Self::internal("internal error")
            }
        }
    }
}
