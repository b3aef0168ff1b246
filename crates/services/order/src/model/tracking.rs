//! What a user sees of a delivery that is under way.

use contracts::ids::CourierId;
use serde::{Deserialize, Serialize};

use super::Delivery;

/// A delivery as it is now, or as order knows it while delivery is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    pub delivery: Delivery,
    /// None while delivery is away: what changes with each step is not kept.
    pub position: Option<Position>,
}

/// How far a delivery has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// `Processing`, `(x, y)` or `Delivered to address`.
    pub current_location: String,
    /// Per cent.
    pub progress: i32,
    /// The courier that carries the order.
    pub courier: Option<Courier>,
}

/// A courier on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Courier {
    pub uuid: CourierId,
    pub name: String,
    /// Cells per step.
    pub speed: i32,
    pub location: Cell,
    pub steps_left: i32,
}

/// A cell of delivery's grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub x: i32,
    pub y: i32,
}
