//! The endpoints of `/api/orders`. They serve the same orders as `/api/v1/orders`, with other field names. An order created here is paid
//! from its user's balance without a request.

pub mod create_order;
mod dto;
pub mod get_delivery;
pub mod get_order;
pub mod get_payment;

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value};

const BASE: &str = "/api/orders";
/// The maximum size of an error response's body, in bytes. No error response of the service is larger.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;

/// Returns true if the path belongs to the endpoints of `/api/orders`.
pub fn is_checkout_path(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Middleware that copies `message` to `error` in every error response under `/api/orders`, whichever layer produced the response.
pub async fn copy_message_to_error(request: Request, next: Next) -> Response {
    let is_checkout = is_checkout_path(request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    if !is_checkout || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_PROBLEM_BYTES).await else { return parts.status.into_response() };
    let Ok(mut problem) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    if let Some(message) = problem.get("message").cloned() {
        problem.insert("error".to_owned(), message);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let (_, body) = Json(problem).into_response().into_parts();
    Response::from_parts(parts, body)
}
