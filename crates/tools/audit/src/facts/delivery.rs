//! Deliveries, couriers and their cargo.

use chrono::{DateTime, Utc};
use contracts::events::{DeliveryStatusUpdated, record};
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

/// An order of the delivery service: of the shop, a basket or a trial order. The early states stand for an event that came before
/// `order.paid`.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub order: Uuid,
    pub state: DeliveryState,
    /// The latest status; none before order.paid.
    pub status: Option<String>,
    /// The user of an order of the shop, whose statuses are published; none of baskets, tries and early events.
    pub user: Option<Uuid>,
    /// The delivery's own uuid; none before order.paid.
    pub delivery: Option<Uuid>,
    pub volume: Option<i32>,
    pub courier: Option<Uuid>,
    /// The steps that the courier had to go when it got the order.
    pub steps: Option<i32>,
    pub created_at: DateTime<Utc>,
    /// When it began to wait for a courier.
    pub waiting_since: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl Delivery {
    /// The statuses that it has had, in this order.
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

    /// True once it waits for a courier, has one or had one.
    pub fn is_created(&self) -> bool {
        matches!(self.state, DeliveryState::Created | DeliveryState::Assigned | DeliveryState::Completed)
    }
}

/// Returns the id of the event that reports `status` of the delivery of `order`.
pub fn status_event(order: Uuid, status: &str) -> Uuid {
    record(order, DeliveryStatusUpdated { status: status.to_owned(), ..DeliveryStatusUpdated::default() }).uuid
}

#[derive(Clone, Debug)]
pub struct Courier {
    pub uuid: Uuid,
    /// The order that it carries.
    pub order: Option<Uuid>,
}

#[derive(Clone, Copy, Debug)]
pub struct StoragePlace {
    pub uuid: Uuid,
    pub courier: Uuid,
    pub total_volume: i32,
    pub order: Option<Uuid>,
}
