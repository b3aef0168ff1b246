//! `POST /api/v1/orders/{order_uuid}/cancel`

use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    extract::{OrderPath, User},
    idempotency::{IdempotencyKey, IdempotentRequest},
    problems::Declared,
    response::respond,
    state::Api,
};

/// This endpoint's error responses besides the shared ones.
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
) -> Response {
    let claim = request.claim(user);

    respond(api.service.cancel(user, order, claim.as_ref())).await
}
