//! Authentication middleware for HTTP and gRPC.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tonic::Status;
use uuid::Uuid;

use super::{
    Access, Caller, Rule, SESSION, SESSION_HEADER, SESSION_METADATA, ServiceKey, SessionError, Sessions,
    lookups::SharedLookups, rules::Rules,
};
use crate::{
    grpc,
    problem::Problem,
    request_path,
    security_events::{self, AccessRefusal, Event, TokenRefusal},
    tls::Identity,
};

/// Authenticates callers and checks the access rule of the method that they call. Refuses calls of a method without a rule.
#[derive(Clone)]
pub struct Guard {
    sessions: SharedLookups,
    key: ServiceKey,
    rules: Rules,
    is_open: bool,
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
    /// The caller is an authenticated service, but the method does not admit it.
    OtherService,
    NoRule,
    Unavailable,
    TooMany,
}

/// The services that call others with the sessions of their users. Without a session they call for themselves.
const FOR_USERS: [&str; 1] = ["console"];

impl Guard {
    pub fn new(sessions: Arc<dyn Sessions>, key: ServiceKey, rules: &'static [Rule]) -> Self {
        security_events::count_from_zero();
        let sessions = SharedLookups::new(sessions);
        Self { sessions, key, rules: Rules { table: rules, otherwise: None }, is_open: false }
    }

    /// Sets the access to methods without a rule. Stand-ins in tests use it.
    #[must_use]
    pub fn otherwise(mut self, access: Access) -> Self {
        self.rules.otherwise = Some(access);
        self
    }

    /// Opens the API: every caller may call every method that has a rule.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Returns the elements of `methods` that have no rule.
    pub(crate) fn without_rule<'a>(&self, methods: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        methods.into_iter().filter(|method| self.rules.of(method).is_none()).collect()
    }

    /// Passes a gRPC call on. Reads the metadata `session-uuid` or `authorization`, and refuses calls with a status in the trailers.
    pub(crate) async fn grpc(&self, request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
        let access = self.rules.of(request.uri().path());
        let response = self.check(access, SESSION_METADATA, request, next).await;
        response.unwrap_or_else(|refusal| grpc::refuse(&refusal.status()))
    }

    /// Middleware for HTTP routes. Reads the header `X-Session-Uuid` or `Authorization`, and refuses requests with a problem document.
    pub async fn http(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let route = request.extensions().get::<MatchedPath>();
        let access = route.and_then(|route| guard.rules.of_route(request.method().as_str(), route.as_str()));
        let response = guard.check(access, SESSION_HEADER, request, async |request| next.run(request).await).await;
        response.unwrap_or_else(|refusal| refusal.problem().into_response())
    }

    async fn check(
        &self,
        access: Option<Access>,
        header: &'static str,
        mut request: Request,
        next: impl AsyncFnOnce(Request) -> Response,
    ) -> Result<Response, Refusal> {
        let access = access.ok_or(Refusal::NoRule)?;
        let access = if self.is_open { Access::Public } else { access };
        if access == Access::Public {
            return Ok(next(request).await);
        }
        if let Some(service) = self.service(&request)? {
            if !access.services().contains(&service.as_str()) {
                return Err(denied(None, AccessRefusal::Service, Refusal::OtherService));
            }
            request.extensions_mut().insert(Caller::Service(service));
            return Ok(next(request).await);
        }
        if matches!(access, Access::Services(_)) {
            return Err(denied(None, AccessRefusal::Token, Refusal::MissingToken));
        }
        let session = session(request.headers(), header)?;
        let user = self.sessions.owner(&session).await.map_err(|error| match error {
            SessionError::Invalid => Refusal::InvalidSession,
            SessionError::Unavailable => Refusal::Unavailable,
            SessionError::TooMany => Refusal::TooMany,
        })?;
        if let Access::Operator(_) = access {
            if !user.is_operator {
                return Err(denied(Some(user.uuid), AccessRefusal::Role, Refusal::NotOperator));
            }
            let path = request_path::shown(request.extensions(), request.uri());
            security_events::record(Event::RoleUsed { user: user.uuid, path: &path, of: None });
        }
        request.extensions_mut().insert(Caller::User(user));
        Ok(SESSION.scope(session, next(request)).await)
    }

    /// Returns the calling service, or `None` if a user calls. Over TLS the certificate identifies the service, and a token must name the
    /// same service. Without TLS the token identifies it.
    fn service(&self, request: &Request) -> Result<Option<String>, Refusal> {
        let mut tokens = request.headers().get_all(header::AUTHORIZATION).iter();
        let token = tokens.next().map(|value| {
            if tokens.next().is_some() {
                return Err(refused(TokenRefusal::Kind));
            }
            let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            self.key.verify(token).map_err(|error| refused(error.0))
        });
        let token = token.transpose()?;
        let is_for_user = request.headers().contains_key(SESSION_METADATA);
        match (request.extensions().get::<Identity>(), token) {
            // The session of the user for whom the service calls identifies the caller, as with the gateway.
            (Some(Identity::Service(name)), None) if FOR_USERS.contains(&&**name) && is_for_user => Ok(None),
            (None, token) => Ok(token),
            (Some(Identity::Service(name)), None) => Ok(Some(name.as_ref().to_owned())),
            (Some(Identity::Service(name)), Some(token)) if *token == **name => Ok(Some(token)),
            (Some(Identity::Users), None) => Ok(None),
            (Some(Identity::Service(_) | Identity::Users), Some(_)) => Err(refused(TokenRefusal::Certificate)),
        }
    }
}

/// Records the refusal of a caller's token as a security event.
fn refused(reason: TokenRefusal) -> Refusal {
    security_events::record(Event::TokenRefused { reason });
    Refusal::InvalidToken
}

/// Records that a caller may not call a method.
fn denied(user: Option<Uuid>, reason: AccessRefusal, refusal: Refusal) -> Refusal {
    security_events::record(Event::AccessRefused { user, reason });
    refusal
}

fn session(headers: &HeaderMap, name: &'static str) -> Result<String, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::MissingSession)?.to_str().map_err(|_| Refusal::InvalidSession)?;
    if values.next().is_some() {
        return Err(Refusal::InvalidSession);
    }
    if value.is_empty() {
        return Err(Refusal::EmptySession);
    }
    // All spellings of a session are one session, for the bounds per session too.
    Ok(Uuid::try_parse(value).map_or_else(|_| value.to_owned(), |session| session.to_string()))
}

/// The error message for a user without the role `operator`.
pub const NOT_OPERATOR: &str = "this needs the role operator";

/// The error message for a caller with too many requests of one session: 429 over HTTP, RESOURCE_EXHAUSTED over gRPC.
const TOO_MANY_REQUESTS: &str = "too many requests of this session at once; try again soon";

impl Refusal {
    fn status(self) -> Status {
        match self {
            Self::MissingSession => Status::unauthenticated("missing session-uuid in metadata"),
            Self::EmptySession => Status::unauthenticated("empty session-uuid"),
            Self::InvalidSession => Status::unauthenticated("invalid session"),
            Self::MissingToken => Status::unauthenticated("missing service token in authorization"),
            Self::InvalidToken => Status::unauthenticated("invalid service token"),
            Self::NotOperator => Status::permission_denied(NOT_OPERATOR),
            Self::OtherService => Status::permission_denied("this service may not call this method"),
            // This arm is for unknown methods. The server does not start if one of its own methods has no rule.
            Self::NoRule => Status::unimplemented("there is no such method"),
            Self::Unavailable => Status::unavailable("sessions cannot be checked now"),
            Self::TooMany => Status::resource_exhausted(TOO_MANY_REQUESTS),
        }
    }

    fn problem(self) -> Problem {
        match self {
            Self::MissingSession | Self::EmptySession => {
                Problem::new(StatusCode::UNAUTHORIZED, "MISSING_SESSION", "Authentication required")
            }
            Self::InvalidSession | Self::MissingToken | Self::InvalidToken | Self::OtherService => {
                Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")
            }
            Self::NotOperator => Problem::forbidden(NOT_OPERATOR),
            Self::NoRule => Problem::forbidden("no rule says who may do this"),
            Self::Unavailable => Problem::unavailable("sessions cannot be checked now"),
            Self::TooMany => Problem::too_many_requests(TOO_MANY_REQUESTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_session_are_one() {
        let canonical = "0199a8f0-0b6c-7c44-9d5a-2f8e6d1c3b7a";
        let upper = canonical.to_uppercase();
        let (simple, braced, urn) =
            (canonical.replace('-', ""), format!("{{{canonical}}}"), format!("urn:uuid:{canonical}"));
        for spelling in [canonical, &upper, &simple, &braced, &urn] {
            let headers = [(SESSION_HEADER.parse().unwrap(), spelling.parse().unwrap())].into_iter().collect();
            assert_eq!(session(&headers, SESSION_HEADER).unwrap(), canonical, "{spelling}");
        }
    }
}
