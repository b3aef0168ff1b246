//! Deliveries, couriers and their storage places.

use chrono::{DateTime, Utc};
use contracts::events::{DeliveryStatusUpdated, record};
use sqlx::FromRow;
use uuid::Uuid;

use super::state::names;

names!(DeliveryState {
    AssembledEarly = "ASSEMBLED_EARLY",
    CancelledEarly = "CANCELLED_EARLY",
    Pending = "PENDING",
    Created = "CREATED",
    Assigned = "ASSIGNED",
    Completed = "COMPLETED",
    Failed = "FAILED",
});

/// An order of the delivery service: an order of the shop, a basket or a trial order. In the states `AssembledEarly`
/// and `CancelledEarly`, that event arrived before `order.paid`.
#[derive(Clone, Debug, FromRow)]
pub struct Delivery {
    pub order: Uuid,
    #[sqlx(try_from = "String")]
    pub state: DeliveryState,
    /// The latest status; `None` before `order.paid`.
    pub status: Option<String>,
    /// The user of a shop's order, whose statuses are published; `None` for baskets, trial orders and early events.
    pub user: Option<Uuid>,
    /// The UUID of the delivery; `None` before `order.paid`.
    pub delivery: Option<Uuid>,
    pub volume: Option<i32>,
    pub courier: Option<Uuid>,
    /// The number of steps to the address when the courier was assigned.
    pub steps: Option<i32>,
    pub created_at: DateTime<Utc>,
    /// Since when the order has waited for a courier.
    pub waiting_since: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl Delivery {
    /// Returns the statuses that the delivery has had, in order.
    pub fn statuses(&self) -> &'static [&'static str] {
        match (self.state, self.status.as_deref()) {
            (DeliveryState::AssembledEarly | DeliveryState::CancelledEarly, _) => &[],
            (DeliveryState::Pending | DeliveryState::Created, _) => &["PENDING"],
            (DeliveryState::Assigned, Some("OUT_FOR_DELIVERY")) => &["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY"],
            (DeliveryState::Assigned, _) => &["PENDING", "IN_TRANSIT"],
            (DeliveryState::Completed, _) => &["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"],
            (DeliveryState::Failed, _) => &["PENDING", "FAILED"],
        }
    }

    /// Returns true once the delivery waits for a courier, has one, or had one.
    pub fn is_created(&self) -> bool {
        matches!(self.state, DeliveryState::Created | DeliveryState::Assigned | DeliveryState::Completed)
    }
}

/// Returns the id of the event that reports `status` of the delivery of `order`.
pub fn status_event(order: Uuid, status: &str) -> Uuid {
    record(order, DeliveryStatusUpdated { status: status.to_owned(), ..DeliveryStatusUpdated::default() }).uuid
}

#[derive(Clone, Debug, FromRow)]
pub struct Courier {
    pub uuid: Uuid,
    pub order: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, FromRow)]
pub struct StoragePlace {
    pub uuid: Uuid,
    pub courier: Uuid,
    pub total_volume: i32,
    pub order: Option<Uuid>,
}
