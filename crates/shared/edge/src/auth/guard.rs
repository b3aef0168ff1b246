//! Authentication middleware for HTTP and gRPC.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Access, AuthRefusal, CREDENTIAL, Caller, Rule, SESSION_HEADER, SESSION_METADATA, ServiceKey, Sessions, TokenKind,
    access::{ServiceNames, denied, refused},
    credential,
    operator_use::{self, ROLE_USE, RoleUse},
    sessions::SharedLookups,
};
use crate::{
    request_target::{self, OwnHosts},
    security_events::{self, AccessRefusal, TokenRefusal},
    tls::Identity,
};

/// The guard of an API. It authenticates callers, checks the access rule of the called method, and refuses methods
/// without a rule.
#[derive(Clone)]
pub struct Guard {
    sessions: SharedLookups,
    /// The key of services' tokens. `None` if certificates identify services instead; such tokens are then refused.
    key: Option<ServiceKey>,
    rules: Rules,
    for_users: ServiceNames,
    is_open: bool,
    /// The hosts under which an open API responds.
    hosts: OwnHosts,
}

/// The rules of an API.
#[derive(Clone, Copy)]
struct Rules {
    table: &'static [Rule],
    /// The access to methods without a rule; `None` refuses them.
    otherwise: Option<Access>,
}

impl Rules {
    fn of(self, method: &str) -> Option<Access> {
        self.table.iter().find(|rule| rule.method == method).map(|rule| rule.access).or(self.otherwise)
    }

    /// Returns the access to an HTTP route. For a method that the route does not have, returns the access of one of the
    /// route's other methods, so that the request is refused only after the caller is identified.
    fn of_route(self, method: &str, route: &str) -> Option<Access> {
        let method = if method == "HEAD" { "GET" } else { method };
        let is_of_route = |rule: &&Rule| rule.method.split_once(' ').is_some_and(|(_, path)| path == route);
        let of_route = || self.table.iter().find(is_of_route).map(|rule| rule.access);
        self.of(&format!("{method} {route}")).or_else(of_route)
    }
}

enum Bearer {
    /// A verified token of the service with this name.
    Service(String),
    /// A user's access token, not verified yet.
    User(String),
}

impl Guard {
    /// Creates a guard. Without a key, it refuses the tokens of services.
    pub fn new(sessions: Arc<dyn Sessions>, key: impl Into<Option<ServiceKey>>, rules: &'static [Rule]) -> Self {
        security_events::count_from_zero();
        let sessions = SharedLookups::new(sessions);
        let rules = Rules { table: rules, otherwise: None };
        Self { sessions, key: key.into(), rules, for_users: &[], is_open: false, hosts: OwnHosts::default() }
    }

    /// Sets the services that call for users, with sessions or access tokens. Without these, a call is their own.
    #[must_use]
    pub fn for_users(self, services: ServiceNames) -> Self {
        Self { for_users: services, ..self }
    }

    /// Sets the access to methods without a rule. Stand-ins in tests use it.
    #[must_use]
    pub fn otherwise(mut self, access: Access) -> Self {
        self.rules.otherwise = Some(access);
        self
    }

    /// Sets the hosts of an [open](Self::open) API.
    #[must_use]
    pub fn at(self, hosts: OwnHosts) -> Self {
        Self { hosts, ..self }
    }

    /// Lets every caller call every method that has a rule, under the API's own hosts.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Returns the session look-ups for callers outside of requests. They share calls with the look-ups of requests.
    pub fn sessions(&self) -> Arc<dyn Sessions> {
        Arc::new(self.sessions.clone())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns those of `methods` that have no rule.
    pub(crate) fn without_rule<'a>(&self, methods: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        methods.into_iter().filter(|method| self.rules.of(method).is_none()).collect()
    }

    /// Handles a gRPC call. Reads the metadata `session-uuid` or `authorization`; refuses with a status in the
    /// trailers.
    pub(crate) async fn grpc(&self, request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
        let access = self.rules.of(request.uri().path());
        let response = self.check(access, SESSION_METADATA, request, next).await;
        response.unwrap_or_else(|refusal| refusal.status().into_http())
    }

    /// Middleware for HTTP routes. Reads the header `X-Session-Uuid` or `Authorization`; refuses with a problem
    /// document.
    pub async fn http(State(guard): State<Self>, request: Request, next: Next) -> Response {
        guard.request(request, async |request| next.run(request).await).await
    }

    /// Like [`http`](Self::http), within another middleware.
    pub(crate) async fn request(&self, request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
        let route = request.extensions().get::<MatchedPath>();
        let access = route.and_then(|route| self.rules.of_route(request.method().as_str(), route.as_str()));
        let response = self.check(access, SESSION_HEADER, request, next).await;
        response.unwrap_or_else(|refusal| refusal.problem().into_response())
    }

    async fn check(
        &self,
        access: Option<Access>,
        header: &'static str,
        mut request: Request,
        next: impl AsyncFnOnce(Request) -> Response,
    ) -> Result<Response, AuthRefusal> {
        let access = access.ok_or(AuthRefusal::NoRule)?;
        if self.is_open {
            return if self.hosts.are_named_by(&request) {
                Ok(next(request).await)
            } else {
                Err(AuthRefusal::Misdirected)
            };
        }
        if access == Access::Public {
            if let Some(service) = self.calling_service(&request) {
                request.extensions_mut().insert(Caller::Service(service));
            }
            return Ok(next(request).await);
        }
        if access == Access::Gateway {
            return match request.extensions().get::<Identity>() {
                None | Some(Identity::Gateway) => Ok(next(request).await),
                Some(_) => Err(denied(None, AccessRefusal::Service, AuthRefusal::OtherCaller)),
            };
        }
        let (service, token) = self.identify(&request)?;
        if let Some(service) = service {
            if !access.services().contains(&service.as_str()) {
                return Err(denied(None, AccessRefusal::Service, AuthRefusal::OtherCaller));
            }
            request.extensions_mut().insert(Caller::Service(service));
            return Ok(next(request).await);
        }
        if matches!(access, Access::Services(_)) {
            return Err(denied(None, AccessRefusal::Token, AuthRefusal::MissingToken));
        }
        let credential = credential::credential(token.as_deref(), request.headers(), header)?;
        let user = self.sessions.owner(&credential).await?;
        let mut role_use = None;
        if let Access::Operator(_) = access {
            if !user.is_operator {
                return Err(denied(Some(user.uuid), AccessRefusal::Role, AuthRefusal::NotOperator));
            }
            let path = request_target::shown_path(request.extensions(), request.uri());
            if request.method().is_safe() || request_target::is_read(request.uri().path()) {
                operator_use::record_read(user.uuid, &path, None);
            } else {
                role_use = Some(RoleUse::new(user.uuid, path.into_owned()));
            }
        }
        request.extensions_mut().insert(Caller::User(user));
        let handled = CREDENTIAL.scope(credential, async move {
            match role_use {
                Some(role_use) => ROLE_USE.scope(role_use, next(request)).await,
                None => next(request).await,
            }
        });
        Ok(handled.await)
    }

    /// Returns the service that calls a public method, if it proves its name. Every other caller counts as
    /// unauthenticated, even one with an invalid token, so nothing is refused or recorded.
    fn calling_service(&self, request: &Request) -> Option<String> {
        match request.extensions().get::<Identity>() {
            Some(Identity::Service(name)) => Some(name.as_ref().to_owned()),
            Some(_) => None,
            None => {
                let token = credential::bearer_token(request.headers())?;
                self.key.as_ref()?.verify(token).ok()
            }
        }
    }

    /// Returns the calling service, or `None` and the access token if a user calls. Without TLS, the token identifies
    /// the service. Over TLS the certificate does, and a service's token must name the same service.
    fn identify(&self, request: &Request) -> Result<(Option<String>, Option<String>), AuthRefusal> {
        let is_for_user = request.headers().contains_key(SESSION_METADATA);
        match (request.extensions().get::<Identity>(), self.bearer(request.headers())?) {
            (None, Some(Bearer::Service(name))) => Ok((Some(name), None)),
            (Some(Identity::Service(name)), Some(Bearer::Service(token))) if *token == **name => {
                Ok((Some(token), None))
            }
            (Some(_), Some(Bearer::Service(_))) => Err(refused(TokenRefusal::Certificate)),
            // Like the gateway, a service of `for_users` calls as the user of the session or token in the call.
            (Some(Identity::Service(name)), None) if is_for_user && self.for_users.contains(&&**name) => {
                Ok((None, None))
            }
            (Some(Identity::Service(name)), Some(Bearer::User(token))) if self.for_users.contains(&&**name) => {
                Ok((None, Some(token)))
            }
            (Some(Identity::Service(name)), _) => Ok((Some(name.as_ref().to_owned()), None)),
            (_, Some(Bearer::User(token))) => Ok((None, Some(token))),
            (_, None) => Ok((None, None)),
        }
    }

    /// Reads the token in the header `Authorization`, and verifies a service's token.
    fn bearer(&self, headers: &HeaderMap) -> Result<Option<Bearer>, AuthRefusal> {
        let bearer = credential::bearer(headers)?.map(|(kind, token)| match kind {
            TokenKind::Service => {
                let key = self.key.as_ref().ok_or_else(|| refused(TokenRefusal::Certificate))?;
                key.verify(token).map(Bearer::Service).map_err(|error| refused(error.0))
            }
            TokenKind::User => Ok(Bearer::User(token.to_owned())),
        });
        bearer.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Rule] = &[Rule::operator("POST /things", &[]), Rule::session("GET /things", &["a"])];

    #[test]
    fn a_method_without_a_rule_has_no_access_and_another_method_of_a_route_has_that_of_the_route() {
        let rules = Rules { table: TABLE, otherwise: None };

        assert_eq!(rules.of_route("GET", "/things"), Some(Access::Session(&["a"])));
        assert_eq!(rules.of_route("HEAD", "/things"), Some(Access::Session(&["a"])));
        assert_eq!(rules.of_route("PUT", "/things"), Some(Access::Operator(&[])));
        assert_eq!(rules.of_route("GET", "/things/{id}"), None);
        assert_eq!(rules.of("/x.v1.X/Y"), None);
    }
}
