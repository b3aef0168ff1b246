//! The drawing of an order's timeline: a lane per service, time to the right, an arrow from each event to the services
//! that read it, and a band over all lanes for each incident of the playground.
//!
//! Coordinates are in SVG units, 16 per rem.

mod axis;
mod lanes;
mod layout;
#[cfg(test)]
mod tests;

pub use self::layout::Drawing;
