//! Protects writes from pages of other sites: a write needs the `Origin` of the console's own pages.

use axum::{
    extract::Request,
    http::{header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;

/// Middleware: refuses a write whose `Origin` is not the host to which the request is sent.
pub async fn check(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_own(&request) {
        next.run(request).await
    } else {
        Problem::forbidden("the request's Origin must be this site").into_response()
    }
}

fn is_own(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = request.uri().authority().map(Authority::as_str).or_else(|| text(header::HOST));
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    origin.is_some() && origin == host
}
