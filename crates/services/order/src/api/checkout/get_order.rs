//! `GET /api/orders/{order_id}`

use axum::{Json, extract::State, http::StatusCode, response::ErrorResponse};

use super::dto::CheckoutView;
use crate::api::{
    extract::{OrderPath, User},
    problems::Declared,
    state::Api,
};

/// This endpoint's error responses besides the shared ones.
pub const PROBLEMS: [Declared; 1] = [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND")];

/// One of the caller's orders, with its items
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}",
    operation_id = "getCheckout",
    tag = "orders",
    params(("order_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckoutView),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutView>, ErrorResponse> {
    let (order, details) = api.service.find_with_details(user, order).await?;
    Ok(Json(CheckoutView::new(&order, &details)))
}
