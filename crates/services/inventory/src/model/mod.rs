//! Parts, filters of the catalogue, and reservations.

mod filter;
mod part;
mod reservation;

pub use filter::{Filter, Page};
pub use part::{Category, Dimensions, Manufacturer, NewPart, Part, Stock, Value};
pub use reservation::{Ended, Holder, Lines, MaxShare, ReservedLine, Status};
