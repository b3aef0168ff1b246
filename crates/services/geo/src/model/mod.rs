//! Streets, the cells of the grid, and the file of streets with configured cells.

mod cell;
mod street;
mod streets;

pub use cell::Cell;
pub use street::{Street, StreetError};
pub use streets::{Streets, StreetsError, parse_streets};
