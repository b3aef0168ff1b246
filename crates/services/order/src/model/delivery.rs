//! The delivery of an order: its address, the state last reported by the delivery service, and what a user sees of it.

use chrono::NaiveDate;
use contracts::ids::{CourierId, DeliveryId};
use serde::{Deserialize, Serialize};

use super::UserText;

/// At most 300 characters.
pub type DeliveryAddress = UserText<300>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub address: DeliveryAddress,
    /// The number of parts, including repeated parts.
    pub volume: usize,
}

/// ```text
/// Pending ──▶ InTransit ──▶ OutForDelivery ──▶ Delivered
///    └──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    Pending,
    InTransit,
    OutForDelivery,
    Delivered,
    Failed,
}

/// The state of an order's delivery, as the delivery service reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Delivery {
    pub uuid: DeliveryId,
    pub status: DeliveryStatus,
    pub tracking_number: String,
    /// The date in UTC, or `None` if the delivery service reported none.
    pub estimated_delivery: Option<NaiveDate>,
}

impl DeliveryStatus {
    pub const ALL: [Self; 5] = [Self::Pending, Self::InTransit, Self::OutForDelivery, Self::Delivered, Self::Failed];

    /// Returns the status' name in the API, in events and in the database.
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

    /// Returns true if this status may replace the status `known` of an order's delivery, because it is later.
    ///
    /// A status may be skipped, for instance if its event was dead-lettered. A delivery can fail only before a courier
    /// carries it.
    pub const fn follows(self, known: Option<Self>) -> bool {
        match (known, self) {
            (None, _) | (Some(Self::Pending), Self::Failed) => true,
            (Some(Self::Failed), _) | (_, Self::Failed) => false,
            (Some(known), new) => new.rank() > known.rank(),
        }
    }

    /// Returns the statuses that this status may replace, see [`follows`](Self::follows).
    pub fn predecessors(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |known| self.follows(Some(*known)))
    }

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed)
    }

    /// Returns the version for the status cache, which grows with each later status.
    pub const fn version(self) -> u64 {
        match self {
            Self::Failed => 1,
            other => other.rank() as u64,
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Pending | Self::Failed => 0,
            Self::InTransit => 1,
            Self::OutForDelivery => 2,
            Self::Delivered => 3,
        }
    }
}

/// The current state of a delivery, or the last stored state while the delivery service is unavailable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    pub delivery: Delivery,
    /// `None` while the delivery service is unavailable, because order does not store the position, which changes with
    /// each step.
    pub position: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The text `Processing`, the courier's cell as `(x, y)`, or the text `Delivered to address`.
    pub current_location: String,
    /// Per cent.
    pub progress: i32,
    /// `None` while no courier carries the order.
    pub courier: Option<Courier>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Courier {
    pub uuid: CourierId,
    pub name: String,
    /// Grid cells per step.
    pub speed: i32,
    pub location: Cell,
    pub steps_left: i32,
}

/// A cell of the delivery service's grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub x: i32,
    pub y: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_followed_by_later_ones_and_fails_only_while_it_is_pending() {
        use DeliveryStatus::{Delivered, Failed, InTransit, OutForDelivery, Pending};
        let followed = |status: DeliveryStatus| status.predecessors().collect::<Vec<_>>();

        assert_eq!(followed(Pending), []);
        assert_eq!(followed(InTransit), [Pending]);
        assert_eq!(followed(OutForDelivery), [Pending, InTransit]);
        assert_eq!(followed(Delivered), [Pending, InTransit, OutForDelivery]);
        assert_eq!(followed(Failed), [Pending]);
        assert!(DeliveryStatus::ALL.into_iter().all(|status| status.follows(None)));
    }
}
