//! `GET /api/v1/orders/{order_uuid}`

use axum::{Json, extract::State, response::ErrorResponse};
use platform::problem::Problem;

use super::{
    extract::{OrderUuid, User},
    routes::Api,
    view::OrderView,
};

/// One of the caller's orders
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "INVALID_REQUEST"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "MISSING_SESSION, INVALID_SESSION"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "ORDER_NOT_FOUND"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "DEPENDENCY_UNAVAILABLE"),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderUuid(order): OrderUuid,
) -> Result<Json<OrderView>, ErrorResponse> {
    Ok(Json(api.service.find(user, order).await?.into()))
}
