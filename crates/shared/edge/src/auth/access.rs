//! Access rules: who may call each method of a service, and the response to each reason why the guard refuses a
//! request. A method without a rule is refused.

use axum::http::StatusCode;
use tonic::Status;
use uuid::Uuid;

use super::SessionError;
use crate::{
    problem::Problem,
    request_target::{MISDIRECTED, misdirected},
    security_events::{self, AccessRefusal, Event, TokenRefusal},
};

/// Names of services, as in tokens and certificates.
pub type ServiceNames = &'static [&'static str];

/// The callers that a method admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Users with a valid session, and the listed services.
    Session(ServiceNames),
    /// Users with the role `operator`, and the listed services.
    Operator(ServiceNames),
    Services(ServiceNames),
    /// Only the gateway, identified by its certificate. Without TLS every caller is admitted, so the network must
    /// exclude others.
    Gateway,
}

/// The access to one method. Each service has one table of rules beside its API.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The method's path `/package.Service/Rpc` for gRPC; the method and the route, such as `GET /api/v1/things/{id}`,
    /// for HTTP.
    pub method: &'static str,
    pub access: Access,
}

impl Access {
    /// Returns the services that may call the method; none if it is public.
    pub const fn services(self) -> ServiceNames {
        match self {
            Self::Public | Self::Gateway => &[],
            Self::Session(services) | Self::Operator(services) | Self::Services(services) => services,
        }
    }
}

impl Rule {
    pub const fn public(method: &'static str) -> Self {
        Self { method, access: Access::Public }
    }

    pub const fn session(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Session(services) }
    }

    pub const fn operator(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Operator(services) }
    }

    pub const fn gateway(method: &'static str) -> Self {
        Self { method, access: Access::Gateway }
    }

    pub const fn services(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Services(services) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthRefusal {
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
pub(super) fn refused(reason: TokenRefusal) -> AuthRefusal {
    security_events::record(Event::TokenRefused { reason });
    AuthRefusal::InvalidToken
}

pub(super) fn denied(user: Option<Uuid>, reason: AccessRefusal, refusal: AuthRefusal) -> AuthRefusal {
    security_events::record(Event::AccessRefused { user, reason });
    refusal
}

pub const NOT_OPERATOR: &str = "only operators may call this method";

/// 429 over HTTP, RESOURCE_EXHAUSTED over gRPC.
const TOO_MANY_REQUESTS: &str = "too many requests of this session at once; try again soon";

impl From<SessionError> for AuthRefusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Invalid => Self::InvalidSession,
            SessionError::Unavailable => Self::Unavailable,
            SessionError::TooMany => Self::TooMany,
        }
    }
}

impl AuthRefusal {
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
            Self::Misdirected => misdirected(),
            Self::Unavailable => Problem::unavailable("sessions cannot be checked now"),
            Self::TooMany => Problem::too_many_requests(TOO_MANY_REQUESTS),
        }
    }
}
