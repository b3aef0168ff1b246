//! `POST /api/v1/orders/{order_uuid}/cancel`

use axum::{extract::State, response::ErrorResponse};
use platform::problem::Problem;

use super::{
    extract::{OrderUuid, Posted, User},
    routes::Api,
};
use crate::model::Outcome;

/// Cancel an order that is not paid
///
/// Its parts go back on the shelf.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{order_uuid}/cancel",
    tag = "orders",
    params(
        ("order_uuid" = uuid::Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats of the request get the same answer for 24 hours."),
    ),
    responses(
        (status = 204),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "INVALID_REQUEST"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "MISSING_SESSION, INVALID_SESSION"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "ORDER_NOT_FOUND"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "INVALID_STATUS, PAYMENT_IN_PROGRESS, IDEMPOTENCY_IN_PROGRESS"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "IDEMPOTENCY_KEY_REUSED"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "DEPENDENCY_UNAVAILABLE"),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderUuid(order): OrderUuid,
    posted: Posted,
) -> Result<Outcome, ErrorResponse> {
    let claim = posted.claim(user)?;

    Ok(api.service.cancel(user, order, claim.as_ref()).await?)
}
