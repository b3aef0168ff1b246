//! In-memory implementations of the repositories, for tests and the simulation.

mod alerts;
mod notifications;
mod offsets;

pub use alerts::MemoryAlerts;
pub use notifications::MemoryNotifications;
pub use offsets::MemoryOffsets;
