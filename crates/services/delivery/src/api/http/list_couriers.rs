//! `GET /api/v1/couriers`

use axum::{Json, extract::State};
use platform::{auth::OpenCaller, http::problem::Problem};

use super::{caller::sees_orders_of, dto::Courier};
use crate::service::DeliveryService;

/// All couriers, in the order of adding
#[utoipa::path(
    get,
    path = "/api/v1/couriers",
    operation_id = "listCouriers",
    tag = "couriers",
    responses((status = 200, body = Vec<Courier>)),
    security(("session" = []))
)]
pub async fn handle(State(service): State<DeliveryService>, caller: OpenCaller) -> Result<Json<Vec<Courier>>, Problem> {
    let couriers = service.list_couriers().await?;
    let restricted_to = sees_orders_of(&caller);

    let shown = couriers.into_iter().map(|courier| Courier {
        id: courier.id.uuid(),
        name: courier.name.to_string(),
        location: courier.location.into(),
        speed: courier.speed.get(),
        order_id: courier
            .carries
            .filter(|(_, user, _)| restricted_to.is_none() || *user == restricted_to)
            .map(|(order, _, _)| order.uuid()),
    });
    Ok(Json(shown.collect()))
}
