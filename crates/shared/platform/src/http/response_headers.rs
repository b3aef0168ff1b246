//! Security headers of HTTP responses: caching, media types, content in a browser, HTTPS after TLS, and the challenge
//! of a 401.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// The default of `Cache-Control`. Most responses depend on the session, and a shared cache does not know that
/// `X-Session-Uuid` is a credential like `Authorization`.
const NOT_CACHED: HeaderValue = HeaderValue::from_static("no-store");
const NO_GUESSING: HeaderValue = HeaderValue::from_static("nosniff");
/// For a browser that shows an API's response as a page. A page sets its own policy.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);
/// Browsers send no referrer, because paths contain ids.
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// A year, in seconds.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// The challenge that a 401 must have (RFC 9110, section 15.5.2). The scheme is not a registered one, so no browser
/// asks for a password.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Session realm="shipyard", header="X-Session-Uuid""#);

/// Adds the headers to a response. Headers that the endpoint has set are kept: `Cache-Control` of a public
/// response, and `Content-Security-Policy` and `Referrer-Policy` of a page.
pub(crate) fn secured(mut response: Response, is_over_tls: bool) -> Response {
    let is_unauthenticated = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(NOT_CACHED);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    headers.entry(header::REFERRER_POLICY).or_insert(NO_REFERRER);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_GUESSING);
    if is_over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    if is_unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}
