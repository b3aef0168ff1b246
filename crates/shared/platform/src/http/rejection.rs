//! Converts errors outside of endpoints to problem documents: unknown paths and methods, and error responses of the
//! framework.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};

use crate::http::problem::{MEDIA_TYPE, Problem};

/// The maximum number of characters of a path that the error response repeats. It is longer than any valid path.
const MAX_PATH_CHARACTERS: usize = 128;
/// The maximum number of characters of a method that the error response repeats. A caller may send any token as a
/// method.
const MAX_METHOD_CHARACTERS: usize = 16;

/// Responds 404 to a path without a route.
pub async fn not_found(uri: Uri) -> Problem {
    let path = shown(uri.path(), MAX_PATH_CHARACTERS);
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{path} not found"))
}

/// Responds 405 to a method that the route does not have.
pub async fn method_not_allowed(method: Method) -> Problem {
    let method = shown(method.as_str(), MAX_METHOD_CHARACTERS);
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("{method} is not allowed here"))
}

/// Returns the first `most` characters of a caller's text, escaped so that no log, terminal or page interprets them.
fn shown(text: &str, most: usize) -> String {
    let mut escaped = text.chars().flat_map(char::escape_default);
    let mut shown: String = escaped.by_ref().take(most).collect();
    if escaped.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Passes a request on to a router. Converts an error response that is not a problem document yet, and keeps its other
/// headers, such as `Allow`.
pub async fn as_problem(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_ours(response.headers()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => not_found(uri).await,
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(method).await,
        status if status.is_server_error() => Problem::new(status, "INTERNAL", "internal error"),
        StatusCode::BAD_REQUEST => Problem::invalid("request", "cannot be read"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(status, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "PAYLOAD_TOO_LARGE", "the body is too large"),
        status => Problem::new(status, "INVALID_REQUEST", "the request cannot be served as it is"),
    };
    let (mut parts, body) = problem.into_response().into_parts();
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH | header::CONTENT_ENCODING) {
            parts.headers.append(name, value.clone());
        }
    }
    Response::from_parts(parts, body)
}

/// Returns true for an endpoint's own response: a problem document, other JSON, or a page.
fn is_ours(headers: &HeaderMap) -> bool {
    const OWN: [&str; 3] = [MEDIA_TYPE, "application/json", "text/html"];
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|value| OWN.iter().any(|own| value.starts_with(own)))
}
