//! Streets, the cells of the grid, and the file of streets with configured cells.

mod cell;
mod street;
mod street_file;

pub use cell::Cell;
pub use street::{Street, StreetError};
pub use street_file::{Streets, StreetsError, parse_streets};
