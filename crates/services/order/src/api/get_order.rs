//! `GET /api/v1/orders/{order_uuid}`

use axum::{Json, extract::State, http::StatusCode, response::ErrorResponse};

use super::{
    dto::OrderView,
    extract::{OrderPath, User},
    problems::Declared,
    state::Api,
};

/// This endpoint's error responses besides the shared ones.
pub const PROBLEMS: [Declared; 1] = [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND")];

/// One of the caller's orders
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}",
    operation_id = "getOrder",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = OrderView),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<OrderView>, ErrorResponse> {
    Ok(Json(api.service.find(user, order).await?.into()))
}
