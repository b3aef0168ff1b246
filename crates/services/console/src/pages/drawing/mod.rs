//! The drawing of an order's timeline: a lane per service, time to the right, and an arrow from each event to the
//! services that read it.
//!
//! Coordinates are in SVG units, 16 per rem.

mod axis;
mod lanes;
mod layout;
#[cfg(test)]
mod tests;

pub use self::layout::Drawing;
