//! The events of a delivery, and the status that they publish.

use chrono::NaiveDate;
use contracts::ids::{CourierId, DeliveryId, OrderId, UserId};

use super::TrackingNumber;

/// The status of a delivery, as its user sees it.
///
/// ```text
/// Pending ──▶ InTransit ──▶ OutForDelivery ──▶ Delivered
///    └──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Pending,
    InTransit,
    /// The courier has at most one step left.
    OutForDelivery,
    Delivered,
    Failed,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Pending, Self::InTransit, Self::OutForDelivery, Self::Delivered, Self::Failed];

    /// The name in the API, events and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InTransit => "IN_TRANSIT",
            Self::OutForDelivery => "OUT_FOR_DELIVERY",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The events that transitions return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Published to the order and notification services. Baskets and trial orders have no user, hence no such events.
    StatusUpdated {
        order: OrderId,
        user: UserId,
        delivery: DeliveryId,
        status: Status,
        tracking_number: TrackingNumber,
        estimated: NaiveDate,
    },
    /// Published to outside programs: the order waits for a courier.
    Created { order: OrderId, basket: Option<OrderId> },
    /// Published to outside programs: the order has arrived.
    Completed { order: OrderId, basket: Option<OrderId>, courier: CourierId },
}

impl Event {
    pub const fn order(&self) -> OrderId {
        match self {
            Self::StatusUpdated { order, .. } | Self::Created { order, .. } | Self::Completed { order, .. } => *order,
        }
    }
}
