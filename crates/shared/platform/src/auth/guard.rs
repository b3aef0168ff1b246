//! Authentication middleware, the same for HTTP and gRPC.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tonic::Status;

use super::{Caller, SESSION, SESSION_HEADER, SESSION_METADATA, ServiceKey, SessionError, Sessions};
use crate::{grpc, problem::Problem, tls::Identity};

/// The callers that a path admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every caller.
    Public,
    /// A user with a valid session, or a service.
    Session,
    /// A user with a valid session and the role `operator`, or a service.
    Operator,
    /// Services only.
    Service,
}

/// Authenticates callers and checks the access rule of the path.
#[derive(Clone)]
pub struct Guard {
    sessions: Arc<dyn Sessions>,
    key: ServiceKey,
    access: fn(&str) -> Access,
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    MissingSession,
    EmptySession,
    InvalidSession,
    MissingToken,
    InvalidToken,
    NotOperator,
    Unavailable,
}

impl Guard {
    /// `access` maps a path to its rule.
    pub fn new(sessions: Arc<dyn Sessions>, key: ServiceKey, access: fn(&str) -> Access) -> Self {
        Self { sessions, key, access }
    }

    /// Middleware for gRPC: metadata `session-uuid` or `authorization`, refusals in trailers.
    pub async fn grpc(State(guard): State<Self>, request: Request, next: Next) -> Response {
        guard.check(SESSION_METADATA, request, next).await.unwrap_or_else(|refusal| grpc::refuse(&refusal.status()))
    }

    /// Middleware for HTTP: header `X-Session-Uuid` or `Authorization`, refusals as problems.
    pub async fn http(State(guard): State<Self>, request: Request, next: Next) -> Response {
        guard.check(SESSION_HEADER, request, next).await.unwrap_or_else(|refusal| refusal.problem().into_response())
    }

    async fn check(&self, header: &'static str, mut request: Request, next: Next) -> Result<Response, Refusal> {
        let access = (self.access)(request.uri().path());
        if access == Access::Public {
            return Ok(next.run(request).await);
        }
        if let Some(service) = self.service(&request)? {
            request.extensions_mut().insert(Caller::Service(service));
            return Ok(next.run(request).await);
        }
        if access == Access::Service {
            return Err(Refusal::MissingToken);
        }
        let session = session(request.headers(), header)?;
        let user = self.sessions.owner(&session).await.map_err(|error| match error {
            SessionError::Invalid => Refusal::InvalidSession,
            SessionError::Unavailable => Refusal::Unavailable,
        })?;
        if access == Access::Operator && !user.is_operator {
            return Err(Refusal::NotOperator);
        }
        request.extensions_mut().insert(Caller::User(user));
        Ok(SESSION.scope(session, next.run(request)).await)
    }

    /// The service that calls, if one does. Over TLS the certificate says which, and a token may say nothing else; without, the token.
    fn service(&self, request: &Request) -> Result<Option<String>, Refusal> {
        let token = request.headers().get(header::AUTHORIZATION).map(|value| {
            let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            self.key.verify(token).map_err(|_| Refusal::InvalidToken)
        });
        let token = token.transpose()?;
        match (request.extensions().get::<Identity>(), token) {
            (None, token) => Ok(token),
            (Some(Identity::Service(name)), None) => Ok(Some(name.as_ref().to_owned())),
            (Some(Identity::Service(name)), Some(token)) if *token == **name => Ok(Some(token)),
            (Some(Identity::Users), None) => Ok(None),
            (Some(Identity::Service(_) | Identity::Users), Some(_)) => Err(Refusal::InvalidToken),
        }
    }
}

fn session(headers: &HeaderMap, name: &'static str) -> Result<String, Refusal> {
    let value = headers.get(name).ok_or(Refusal::MissingSession)?.to_str().map_err(|_| Refusal::InvalidSession)?;
    if value.is_empty() {
        return Err(Refusal::EmptySession);
    }
    Ok(value.to_owned())
}

/// What a user without the role is told.
pub const NOT_OPERATOR: &str = "this needs the role operator";

impl Refusal {
    fn status(self) -> Status {
        match self {
            Self::MissingSession => Status::unauthenticated("missing session-uuid in metadata"),
            Self::EmptySession => Status::unauthenticated("empty session-uuid"),
            Self::InvalidSession => Status::unauthenticated("invalid session"),
            Self::MissingToken => Status::unauthenticated("missing service token in authorization"),
            Self::InvalidToken => Status::unauthenticated("invalid service token"),
            Self::NotOperator => Status::permission_denied(NOT_OPERATOR),
            Self::Unavailable => Status::unavailable("sessions cannot be checked now"),
        }
    }

    fn problem(self) -> Problem {
        match self {
            Self::MissingSession | Self::EmptySession => {
                Problem::new(StatusCode::UNAUTHORIZED, "MISSING_SESSION", "Authentication required")
            }
            Self::InvalidSession | Self::MissingToken | Self::InvalidToken => {
                Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")
            }
            Self::NotOperator => Problem::forbidden(NOT_OPERATOR),
            Self::Unavailable => Problem::unavailable("sessions cannot be checked now"),
        }
    }
}
