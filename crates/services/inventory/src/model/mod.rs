//! Parts, filters of the catalogue, and reservations.

mod part;
mod reservation;

pub use part::{Category, Dimensions, Filter, Manufacturer, NewPart, Page, Part, Stock, Value};
pub use reservation::{Ended, Expiry, Holder, Lines, MaxShare, ReservedLine, Status};
