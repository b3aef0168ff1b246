//! The session of a browser: the cookie `shipyard_session`, which holds iam's session uuid and nothing else.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use platform::auth::SESSION_HEADER;

/// The cookie's name.
pub const COOKIE: &str = "shipyard_session";

/// The session of a request, which may have ended.
#[derive(Clone, Debug)]
pub struct Session(pub String);

/// Middleware: passes the cookie's session on in the header that the guard reads. A program may send the header itself.
pub async fn from_cookie(mut request: Request, next: Next) -> Response {
    if let Some(session) = cookie(request.headers()).and_then(|value| HeaderValue::from_str(value).ok()) {
        request.headers_mut().insert(SESSION_HEADER, session);
    }
    let session = request.headers().get(SESSION_HEADER).and_then(|value| value.to_str().ok());
    if let Some(session) = session.map(|session| Session(session.to_owned())) {
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

/// Returns the value of the cookie, if the request has exactly one that is not empty.
fn cookie(headers: &HeaderMap) -> Option<&str> {
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
