//! The bodies of HTTP requests and responses.

use platform::number;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{model, repository::ActiveOrder};

/// A courier to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCourier {
    /// 1 to 100 characters, not blank.
    #[schema(min_length = 1, max_length = 100, example = "Вело")]
    pub name: String,
    /// Cells per step.
    #[serde(deserialize_with = "number::integer")]
    #[schema(minimum = 1, maximum = 100, example = 2)]
    pub speed: i64,
}

/// A courier that has been added.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedCourier {
    pub courier_id: Uuid,
}

/// A storage place to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStoragePlace {
    /// 1 to 100 characters, not blank.
    #[schema(min_length = 1, max_length = 100, example = "Вело-Багажник")]
    pub name: String,
    #[serde(deserialize_with = "number::integer")]
    #[schema(minimum = 1, maximum = 10_000, example = 30)]
    pub total_volume: i64,
}

/// A storage place that has been added.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedStoragePlace {
    pub storage_place_id: Uuid,
}

/// A cell of the grid.
#[derive(Serialize, ToSchema)]
pub struct Location {
    #[schema(minimum = 1, maximum = 10)]
    pub x: u8,
    #[schema(minimum = 1, maximum = 10)]
    pub y: u8,
}

/// A courier.
#[derive(Serialize, ToSchema)]
pub struct Courier {
    pub id: Uuid,
    pub name: String,
    pub location: Location,
    /// Cells per step.
    pub speed: u32,
    /// The order that it carries; absent if there is none, or the caller may not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Uuid>,
}

/// An order that has been made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedOrder {
    pub order_id: Uuid,
}

/// An order that waits for a courier or is carried by one.
#[derive(Serialize, ToSchema)]
pub struct Order {
    pub id: Uuid,
    /// Its destination.
    pub location: Location,
}

impl From<model::Location> for Location {
    fn from(location: model::Location) -> Self {
        Self { x: location.x(), y: location.y() }
    }
}

impl From<ActiveOrder> for Order {
    fn from(order: ActiveOrder) -> Self {
        Self { id: order.order.uuid(), location: order.location.into() }
    }
}
