//! Storage: users in PostgreSQL, sessions and counts of attempts in Redis, each with an in-memory twin.

mod attempts;
mod keys;
mod memory;
mod postgres;
mod redis;
mod sessions;
mod users;

pub use attempts::{Attempts, Decision};
pub use keys::{Collision, FILL_BATCH, collisions, fill_keys};
pub use memory::{MemoryAttempts, MemorySessions, MemoryUsers};
pub use postgres::{MIGRATIONS, PgUsers};
pub use redis::{RedisAttempts, RedisSessions};
pub use sessions::{Admission, Lookup, Sessions};
pub use users::Users;
