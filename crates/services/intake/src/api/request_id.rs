//! `X-Request-ID`: returned as received, or generated.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use platform::ids;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// In bytes. A generated id replaces a longer one.
const MAX_LENGTH: usize = 128;

pub async fn echo(request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| id.len() <= MAX_LENGTH && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic));
    let id = given.cloned().or_else(|| HeaderValue::from_str(&ids::random().to_string()).ok());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
