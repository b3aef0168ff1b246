//! The endpoints of orders, `/api/v1/orders`.

use axum::{Json, extract::State, http::StatusCode};
use contracts::ids::{OrderId, UserId};
use platform::{
    auth::{Caller, OpenCaller},
    http::problem::Problem,
    ids,
};

use super::dto::{CreatedOrder, Order};
use crate::{
    generate::Generator,
    model::{Street, Volume},
    service::DeliveryService,
};

/// The orders that wait for a courier or are carried by one, those that wait longest first, at most 1 000
#[utoipa::path(
    get,
    path = "/api/v1/orders/active",
    operation_id = "listActiveOrders",
    tag = "orders",
    responses((status = 200, body = Vec<Order>)),
    security(("session" = []))
)]
pub async fn list_active(
    State(service): State<DeliveryService>,
    caller: OpenCaller,
) -> Result<Json<Vec<Order>>, Problem> {
    let active = service.active(sees_orders_of(&caller)).await?;

    Ok(Json(active.into_iter().map(Order::from).collect()))
}

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
pub async fn create(State(service): State<DeliveryService>) -> Result<(StatusCode, Json<CreatedOrder>), Problem> {
    let order = OrderId::new(ids::ordered());
    let invalid = |error: &dyn std::fmt::Display| Problem::invalid("body", error);
    let street = Street::new(STREET).map_err(|error| invalid(&error))?;
    let volume = Volume::new(DEFAULT_VOLUME).map_err(|error| invalid(&error))?;

    service.create(&Generator::default().delivery(order, None), &street, volume).await?;

    Ok((StatusCode::CREATED, Json(CreatedOrder { order_id: order.uuid() })))
}

/// Returns the only user whose orders the caller may see, or `None` if the caller may see all orders, also those
/// without a user: a service, an operator (whose access is recorded), or any caller of an open API.
pub fn sees_orders_of(caller: &OpenCaller) -> Option<UserId> {
    match caller.known() {
        Some(Caller::User(user)) if !caller.may_operate() => Some(UserId::new(user.uuid)),
        _ => None,
    }
}
