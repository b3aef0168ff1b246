//! `POST /api/v1/orders/{order_uuid}/cancel`

use axum::{extract::State, http::StatusCode, response::ErrorResponse};

use super::{
    extract::{IdempotentRequest, OrderPath, User},
    idempotency_key::IdempotencyKey,
    problems::Declared,
    state::Api,
};
use crate::model::Outcome;

/// This endpoint's error responses, in addition to those that all endpoints share.
pub const PROBLEMS: [Declared; 3] = [
    (StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
    (StatusCode::CONFLICT, "INVALID_STATUS"),
    (StatusCode::CONFLICT, "PAYMENT_IN_PROGRESS"),
];

/// Cancel an order that is not paid
///
/// Its parts go back on the shelf.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{order_uuid}/cancel",
    operation_id = "cancelOrder",
    tag = "orders",
    params(
        ("order_uuid" = uuid::Uuid, Path),
        IdempotencyKey,
    ),
    responses(
        (status = 204),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
    request: IdempotentRequest,
) -> Result<Outcome, ErrorResponse> {
    let claim = request.claim(user);

    Ok(api.service.cancel(user, order, claim.as_ref()).await?)
}
