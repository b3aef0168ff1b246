//! In-memory implementations of the repositories, for tests. All except users also serve a system that runs in one process without Redis.

mod attempts;
mod contact_codes;
mod expiring;
mod sessions;
mod users;

pub use attempts::MemoryAttempts;
pub use contact_codes::MemoryContactCodes;
pub use sessions::MemorySessions;
pub use users::MemoryUsers;
