//! In-memory implementations of the repositories, for tests. All except users also serve a system that runs in one process without Redis.

mod contact_codes;
mod expiring;
mod login_attempts;
mod sessions;
mod users;

pub use contact_codes::MemoryContactCodes;
pub use login_attempts::MemoryLoginAttempts;
pub use sessions::MemorySessions;
pub use users::MemoryUsers;
