//! The endpoints of `/api/orders`. They serve the same orders as `/api/v1/orders`, with other field names. An order
//! created here is paid from its user's balance without a request to pay.

mod dto;
pub mod orders;

use axum::{
    Json,
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use contracts::checkout::{WithError, is_checkout_path};
use platform::http::problem::Problem;

/// Middleware that copies `message` to `error` in every problem under `/api/orders`, whichever layer produced the response.
pub async fn copy_message_to_error(request: Request, next: Next) -> Response {
    if !is_checkout_path(request.uri().path()) {
        return next.run(request).await;
    }
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Json(WithError::from(&problem)).into_response().into_body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
