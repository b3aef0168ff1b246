//! In-memory twins of the repositories: for tests, and sessions also for a system in one process.

mod attempts;
mod expiring;
mod sessions;
mod users;

pub use attempts::MemoryAttempts;
pub use sessions::MemorySessions;
pub use users::MemoryUsers;
