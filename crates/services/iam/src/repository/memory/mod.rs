//! In-memory implementations of what is in Redis, for a system that runs in one process without Redis.

mod contact_codes;
mod expiring;
mod login_attempts;
mod sessions;

pub use contact_codes::MemoryContactCodes;
pub use login_attempts::MemoryLoginAttempts;
pub use sessions::MemorySessions;
