//! `GET /api/v1/orders/active`

use axum::{Json, extract::State};
use platform::{auth::OpenCaller, http::problem::Problem};

use super::{caller::sees_orders_of, dto::Order};
use crate::service::DeliveryService;

/// The orders that wait for a courier or are carried by one, those that wait longest first, at most 1 000
#[utoipa::path(
    get,
    path = "/api/v1/orders/active",
    operation_id = "listActiveOrders",
    tag = "orders",
    responses((status = 200, body = Vec<Order>)),
    security(("session" = []))
)]
pub async fn handle(State(service): State<DeliveryService>, caller: OpenCaller) -> Result<Json<Vec<Order>>, Problem> {
    let active = service.active(sees_orders_of(&caller)).await?;

    Ok(Json(active.into_iter().map(Order::from).collect()))
}
