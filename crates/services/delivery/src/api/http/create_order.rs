//! `POST /api/v1/orders`

use axum::{Json, extract::State, http::StatusCode};
use contracts::ids::OrderId;
use platform::{http::problem::Problem, ids};

use super::dto::CreatedOrder;
use crate::{
    generate::Generator,
    model::{Street, Volume},
    service::DeliveryService,
};

/// The street and the volume of a trial order.
const STREET: &str = "Несуществующая";
const DEFAULT_VOLUME: i64 = 5;

/// Create a trial order: an order without a user, to see a courier move
///
/// A body is ignored.
#[utoipa::path(
    post,
    path = "/api/v1/orders",
    operation_id = "createOrder",
    tag = "orders",
    responses((status = 201, body = CreatedOrder)),
    security(("session" = []))
)]
pub async fn handle(State(service): State<DeliveryService>) -> Result<(StatusCode, Json<CreatedOrder>), Problem> {
    let order = OrderId::new(ids::ordered());
    let invalid = |error: &dyn std::fmt::Display| Problem::invalid("body", error);
    let street = Street::new(STREET).map_err(|error| invalid(&error))?;
    let volume = Volume::new(DEFAULT_VOLUME).map_err(|error| invalid(&error))?;

    service.create(&Generator::default().delivery(order, None), &street, volume).await?;

    Ok((StatusCode::CREATED, Json(CreatedOrder { order_id: order.uuid() })))
}
