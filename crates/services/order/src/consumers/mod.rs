//! The events that order consumes, a file each.

mod assembly_failed;
mod ship_assembled;

pub use assembly_failed::assembly_failed;
pub use ship_assembled::ship_assembled;
