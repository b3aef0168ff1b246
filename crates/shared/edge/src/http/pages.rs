//! Pages for browsers: who asks for one, and its response with a content security policy.

use std::fmt::Display;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};

use super::accepts;

/// Returns true if the client accepts HTML, as browsers do.
pub fn asks_for_page(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}

/// Returns a page with this content security policy, or status 500 if it could not be rendered.
pub fn rendered(status: StatusCode, page: Result<String, impl Display>, policy: &'static str) -> Response {
    let response = match page {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    protected_by(policy, response)
}

/// Sets the content security policy of a page. The API's layer adds the other security headers.
pub fn protected_by(policy: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
