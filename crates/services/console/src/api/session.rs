//! Authentication of requests. The session of a browser is the cookie `shipyard_session`, which holds only iam's
//! session uuid. A program may send the session in a header instead, or an access token. A write needs the `Origin` of
//! the console's own pages, which protects users from pages of other sites.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::{
    auth::{AuthRefusal, Caller, Credential, SESSION_HEADER, User, bearer_token},
    http::problem::Problem,
};

use crate::client::credential;

pub const COOKIE: &str = "shipyard_session";

/// The session of a request, which may have ended, or its access token.
#[derive(Clone)]
pub struct Session(pub String);

impl Session {
    /// Returns the session's id. Fails for an access token, because iam requires the session itself.
    pub fn into_id(self) -> Result<String, Problem> {
        match credential(&self.0) {
            Credential::Session(id) => Ok(id),
            Credential::Token(_) => Err(AuthRefusal::InvalidSession.problem()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| AuthRefusal::InvalidSession.problem())
    }
}

/// A user who sends a request.
#[derive(Clone)]
pub struct Visit {
    /// The session or the access token.
    pub session: String,
    pub user: User,
}

impl Visit {
    pub fn caller(&self) -> Caller {
        Caller::User(self.user)
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Session(session) = Session::from_request_parts(parts, state).await?;
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self { session, user: *user }),
            _ => Err(Problem::forbidden("only users may call this method")),
        }
    }
}

/// Middleware: refuses a write whose `Origin` is not the host to which the request is sent.
pub async fn check_origin(request: Request, next: Next) -> Response {
    if request.method().is_safe() || has_own_origin(&request) {
        next.run(request).await
    } else {
        Problem::forbidden("the request's Origin must be this site").into_response()
    }
}

fn has_own_origin(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = request.uri().authority().map(Authority::as_str).or_else(|| text(header::HOST));
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    origin.is_some() && origin == host
}

/// Middleware: copies the session from the cookie to the header that the guard reads.
pub async fn from_cookie(mut request: Request, next: Next) -> Response {
    if let Some(session) = cookie(request.headers()).and_then(|value| HeaderValue::from_str(value).ok()) {
        request.headers_mut().insert(SESSION_HEADER, session);
    }
    let session = request.headers().get(SESSION_HEADER).and_then(|value| value.to_str().ok());
    let session = session.or_else(|| token(request.headers())).map(|session| Session(session.to_owned()));
    if let Some(session) = session {
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

/// Returns the user's access token in the header `Authorization`. The guard verifies it.
fn token(headers: &HeaderMap) -> Option<&str> {
    let token = bearer_token(headers)?;
    matches!(credential(token), Credential::Token(_)).then_some(token)
}

/// Returns the value of the cookie, if the request has exactly one that is not empty.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(header::COOKIE).iter().filter_map(|list| list.to_str().ok());
    let mut found = lists
        .flat_map(|list| list.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .filter(|value| !value.is_empty());
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

/// Returns the header that stores a session in the browser, or removes it. `is_secure` is true if the browser uses TLS.
pub fn set_cookie(session: Option<&str>, is_secure: bool) -> (header::HeaderName, String) {
    let (value, age) = session.map_or(("", "; Max-Age=0"), |session| (session, ""));
    let secure = if is_secure { "; Secure" } else { "" };
    (header::SET_COOKIE, format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/console{age}{secure}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_session_is_the_only_cookie_of_its_name() {
        assert_eq!(cookie(&headers(&["a=b; shipyard_session=s; c=d"])), Some("s"));
        for other in ["", "a=b", "shipyard_session=", "shipyard_sessions=s", "shipyard_session=s; shipyard_session=t"] {
            assert_eq!(cookie(&headers(&[other])), None, "{other}");
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
        let (_, set) = set_cookie(Some("s"), true);

        assert_eq!(set, "shipyard_session=s; HttpOnly; SameSite=Strict; Path=/console; Secure");
        assert!(
            set_cookie(None, false).1.contains("shipyard_session=; ")
                && set_cookie(None, false).1.contains("Max-Age=0")
        );
    }
}
