//! The endpoints of `/api/orders`. They serve the same orders as `/api/v1/orders`, with other field names. An order created here is paid
//! from its user's balance without a request.

pub mod create_order;
mod dto;
pub mod get_delivery;
pub mod get_order;
pub mod get_payment;

use axum::{
    Json,
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use serde::Serialize;

const BASE: &str = "/api/orders";

/// Returns true if the path belongs to the endpoints of `/api/orders`.
pub fn is_checkout_path(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A problem with its message as `error`, too.
#[derive(Serialize)]
struct WithError<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    error: &'a str,
}

/// Middleware that copies `message` to `error` in every problem under `/api/orders`, whichever layer produced the response.
pub async fn copy_message_to_error(request: Request, next: Next) -> Response {
    if !is_checkout_path(request.uri().path()) {
        return next.run(request).await;
    }
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let with_error = WithError { error: &problem.message, problem: &problem };
        *response.body_mut() = Json(with_error).into_response().into_body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
