//! The state of a delivery as a user sees it.

use contracts::ids::CourierId;
use serde::{Deserialize, Serialize};

use super::Delivery;

/// The current state of a delivery, or the last stored state while the delivery service is unavailable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    pub delivery: Delivery,
    /// `None` while the delivery service is unavailable, because order does not store the position, which changes with each step.
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
