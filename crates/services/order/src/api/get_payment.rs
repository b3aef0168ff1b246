//! `GET /api/v1/orders/{order_uuid}/payment`

use axum::{Json, extract::State, http::StatusCode, response::ErrorResponse};

use super::{
    dto::PaymentView,
    extract::{OrderPath, User},
    problems::Declared,
    state::Api,
};

/// This endpoint's error responses besides the shared ones.
pub const PROBLEMS: [Declared; 2] =
    [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"), (StatusCode::NOT_FOUND, "PAYMENT_NOT_FOUND")];

/// The payment of one of the caller's orders
///
/// The attempt to pay that was not declined, otherwise the latest.
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}/payment",
    operation_id = "getOrderPayment",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = PaymentView),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<PaymentView>, ErrorResponse> {
    Ok(Json(api.service.payment(user, order).await?.into()))
}
