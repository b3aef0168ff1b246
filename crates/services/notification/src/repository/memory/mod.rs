//! In-memory implementations of the repositories, for tests and the simulation.

mod notifications;
mod offsets;

pub use notifications::MemoryNotifications;
pub use offsets::MemoryOffsets;
