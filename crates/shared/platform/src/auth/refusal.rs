//! The reasons why the guard refuses a request, and the response to each.

use axum::http::StatusCode;
use tonic::Status;
use uuid::Uuid;

use super::SessionError;
use crate::{
    http::problem::Problem,
    security_events::{self, AccessRefusal, Event, TokenRefusal},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    MissingSession,
    EmptySession,
    InvalidSession,
    MissingToken,
    InvalidToken,
    NotOperator,
    /// The method does not admit this authenticated caller.
    OtherCaller,
    NoRule,
    /// An API without authentication was called under a host that is not its own.
    Misdirected,
    Unavailable,
    TooMany,
}

/// Records the refusal as a security event.
pub(super) fn refused(reason: TokenRefusal) -> Refusal {
    security_events::record(Event::TokenRefused { reason });
    Refusal::InvalidToken
}

pub(super) fn denied(user: Option<Uuid>, reason: AccessRefusal, refusal: Refusal) -> Refusal {
    security_events::record(Event::AccessRefused { user, reason });
    refusal
}

pub const NOT_OPERATOR: &str = "only operators may call this method";

/// 421 over HTTP, PERMISSION_DENIED over gRPC.
const MISDIRECTED: &str = "this API does not answer at this host; the variable ALLOWED_HOSTS can add it";

/// 429 over HTTP, RESOURCE_EXHAUSTED over gRPC.
const TOO_MANY_REQUESTS: &str = "too many requests of this session at once; try again soon";

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Invalid => Self::InvalidSession,
            SessionError::Unavailable => Self::Unavailable,
            SessionError::TooMany => Self::TooMany,
        }
    }
}

impl Refusal {
    pub(super) fn status(self) -> Status {
        match self {
            Self::MissingSession => Status::unauthenticated("missing session-uuid in metadata"),
            Self::EmptySession => Status::unauthenticated("empty session-uuid"),
            Self::InvalidSession => Status::unauthenticated("invalid session"),
            Self::MissingToken => Status::unauthenticated("missing service token in authorization"),
            Self::InvalidToken => Status::unauthenticated("invalid token"),
            Self::NotOperator => Status::permission_denied(NOT_OPERATOR),
            Self::OtherCaller => Status::permission_denied("this service may not call this method"),
            // Only for unknown methods, since the server does not start if one of its own methods has no rule.
            Self::NoRule => Status::unimplemented("method not found"),
            Self::Misdirected => Status::permission_denied(MISDIRECTED),
            Self::Unavailable => Status::unavailable("sessions cannot be checked now"),
            Self::TooMany => Status::resource_exhausted(TOO_MANY_REQUESTS),
        }
    }

    pub fn problem(self) -> Problem {
        match self {
            Self::MissingSession | Self::EmptySession => {
                Problem::new(StatusCode::UNAUTHORIZED, "MISSING_SESSION", "Authentication required")
            }
            Self::InvalidSession | Self::MissingToken | Self::InvalidToken | Self::OtherCaller => {
                Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")
            }
            Self::NotOperator => Problem::forbidden(NOT_OPERATOR),
            Self::NoRule => Problem::forbidden("access denied"),
            Self::Misdirected => Problem::new(StatusCode::MISDIRECTED_REQUEST, "MISDIRECTED_REQUEST", MISDIRECTED),
            Self::Unavailable => Problem::unavailable("sessions cannot be checked now"),
            Self::TooMany => Problem::too_many_requests(TOO_MANY_REQUESTS),
        }
    }
}
