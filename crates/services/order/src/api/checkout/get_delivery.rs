//! `GET /api/orders/{order_id}/delivery`

use axum::{Json, extract::State, http::StatusCode, response::ErrorResponse};

use super::dto::CheckoutDelivery;
use crate::api::{
    extract::{OrderPath, User},
    problems::Declared,
    state::Api,
};

/// This endpoint's error responses besides the shared ones.
pub const PROBLEMS: [Declared; 2] =
    [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"), (StatusCode::NOT_FOUND, "DELIVERY_NOT_FOUND")];

/// Where one of the caller's orders is on its way
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}/delivery",
    operation_id = "getCheckoutDelivery",
    tag = "orders",
    params(("order_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckoutDelivery),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutDelivery>, ErrorResponse> {
    let tracked = api.deliveries.track(user, order).await?;

    Ok(Json(CheckoutDelivery::new(order, tracked)))
}
