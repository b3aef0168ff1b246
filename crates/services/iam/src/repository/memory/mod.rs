//! In-memory twins of the repositories: for tests, and all but users also for a system in one process.

mod attempts;
mod contact_codes;
mod expiring;
mod sessions;
mod users;

pub use attempts::MemoryAttempts;
pub use contact_codes::MemoryContactCodes;
pub use sessions::MemorySessions;
pub use users::MemoryUsers;
