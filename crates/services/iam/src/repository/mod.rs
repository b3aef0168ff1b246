//! The repositories: users in PostgreSQL; sessions, contact codes and counts of attempts in Redis. Each has an in-memory implementation.

mod attempts;
mod contact_codes;
mod keys;
mod memory;
mod postgres;
mod redis;
mod sessions;
mod users;

pub use attempts::{Attempts, Decision};
pub use contact_codes::{CodeLimit, ContactCodes, Taken};
pub use keys::{Collision, FILL_BATCH, collisions, fill_keys};
pub use memory::{MemoryAttempts, MemoryContactCodes, MemorySessions, MemoryUsers};
pub use postgres::{MIGRATIONS, PgUsers};
pub use redis::{RedisAttempts, RedisContactCodes, RedisSessions};
pub use sessions::{Admission, Lookup, Sessions};
pub use users::Users;
