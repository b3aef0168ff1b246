//! The events that order consumes, a file each.

mod assembly_failed;
mod delivery_status_updated;
mod payment_completed;
mod ship_assembled;

pub use assembly_failed::assembly_failed;
pub use delivery_status_updated::delivery_status_updated;
pub use payment_completed::payment_completed;
pub use ship_assembled::ship_assembled;
