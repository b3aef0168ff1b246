//! The repositories: users in PostgreSQL; sessions, contact codes and counts of login attempts in Redis, or in memory
//! where `cargo run` finds no Redis.

mod contact_codes;
mod login_attempts;
mod login_limits;
mod memory;
mod redis;
mod sessions;
mod users;

pub use contact_codes::{CodeLimit, ContactCodes, Taken};
pub use login_attempts::{Decision, Judged, LoginAttempts};
pub use memory::{MemoryContactCodes, MemoryLoginAttempts, MemorySessions};
pub use redis::{RedisContactCodes, RedisLoginAttempts, RedisSessions};
pub use sessions::{Admission, Lookup, Sessions};
pub use users::{MIGRATIONS, PgUsers};
