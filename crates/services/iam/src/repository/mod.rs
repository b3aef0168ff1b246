//! Storage: users in PostgreSQL and sessions in Redis, each with an in-memory twin.

mod memory;
mod postgres;
mod redis;
mod sessions;
mod users;

pub use memory::{MemorySessions, MemoryUsers};
pub use postgres::{MIGRATIONS, PgUsers};
pub use redis::RedisSessions;
pub use sessions::{Admission, Sessions};
pub use users::Users;
