//! The drawings: an order's timeline, with a lane per service, time to the right and an arrow from each event to the services that read it;
//! the couriers' map; and small lines of values over time.
//!
//! Coordinates are in SVG units, 16 per rem.

mod axis;
mod grid;
mod lanes;
mod layout;
mod spark;
#[cfg(test)]
mod tests;

pub use self::{
    grid::{CELL, SIDE, cell_middle, cells, numbers},
    layout::Drawing,
    spark::Spark,
};
