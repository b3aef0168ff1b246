//! `GET /api/v1/orders/{order_uuid}/delivery`

use axum::{Json, http::StatusCode, response::ErrorResponse};
use chrono::NaiveDate;
use contracts::ids::OrderId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ApiState,
    extract::{OrderPath, User},
    problems::Declared,
};
use crate::model::{Cell, Courier, DeliveryStatus, Tracked};

pub const PROBLEMS: [Declared; 2] =
    [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"), (StatusCode::NOT_FOUND, "DELIVERY_NOT_FOUND")];

/// The delivery of an order.
#[derive(Serialize, ToSchema)]
pub struct DeliveryView {
    pub order_uuid: Uuid,
    pub delivery_uuid: Uuid,
    /// `PENDING`, `IN_TRANSIT`, `OUT_FOR_DELIVERY`, `DELIVERED` or `FAILED`.
    #[schema(value_type = String, example = "IN_TRANSIT")]
    pub status: DeliveryStatus,
    /// 12 characters of A–Z and 0–9.
    #[schema(example = "A1B2C3D4E5F6")]
    pub tracking_number: String,
    /// UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<NaiveDate>,
    /// `Processing`, `(x, y)` or `Delivered to address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_location: Option<String>,
    /// Per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub progress: Option<i32>,
    /// Absent while no courier carries the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub courier: Option<CourierView>,
    /// True while the delivery service is unavailable: the last state that it reported, without courier,
    /// current_location and progress. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<bool>,
}

/// The courier that carries the order.
#[derive(Serialize, ToSchema)]
pub struct CourierView {
    pub id: Uuid,
    pub name: String,
    /// Cells per step.
    pub speed: i32,
    pub location: CellView,
    pub steps_left: i32,
}

/// A cell of the 10 × 10 grid.
#[derive(Serialize, ToSchema)]
pub struct CellView {
    #[schema(minimum = 1, maximum = 10)]
    pub x: i32,
    #[schema(minimum = 1, maximum = 10)]
    pub y: i32,
}

impl DeliveryView {
    fn new(order: OrderId, Tracked { delivery, position }: Tracked) -> Self {
        let mut view = Self {
            order_uuid: order.uuid(),
            delivery_uuid: delivery.uuid.uuid(),
            status: delivery.status,
            tracking_number: delivery.tracking_number,
            estimated_delivery: delivery.estimated_delivery,
            current_location: None,
            progress: None,
            courier: None,
            stale: None,
        };
        match position {
            Some(position) => {
                view.current_location = Some(position.current_location);
                view.progress = Some(position.progress);
                view.courier = position.courier.map(CourierView::from);
            }
            None => view.stale = Some(true),
        }
        view
    }
}

impl From<Courier> for CourierView {
    fn from(courier: Courier) -> Self {
        let Cell { x, y } = courier.location;
        Self {
            id: courier.uuid.uuid(),
            name: courier.name,
            speed: courier.speed,
            location: CellView { x, y },
            steps_left: courier.steps_left,
        }
    }
}

/// Where an order is on its way
///
/// An order with an address has a delivery from its payment on.
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}/delivery",
    operation_id = "getDelivery",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = DeliveryView),
    ),
    security(("session" = []))
)]
pub async fn get_delivery(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<DeliveryView>, ErrorResponse> {
    let tracked = api.deliveries.track(user, order).await?;

    Ok(Json(DeliveryView::new(order, tracked)))
}
