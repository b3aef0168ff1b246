//! Users in PostgreSQL and sessions in Redis, each with an in-memory twin.

mod memory;
mod postgres;
mod sessions;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
pub use memory::MemoryUsers;
pub use postgres::{MIGRATIONS, PgUsers};
pub use sessions::{Admission, MemorySessions, RedisSessions, Sessions};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Account, User},
};

#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user; the same one again is no news. Fails when another has the login or the e-mail address.
    async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error>;
    async fn by_login(&self, login: &str) -> Result<Option<Account>, Error>;
    async fn find(&self, user: Uuid) -> Result<Option<User>, Error>;
    /// Gives the user another password, unless he has changed since he was `known`. True when that was done.
    async fn change_password(&self, known: &User, password_hash: &str, now: DateTime<Utc>) -> Result<bool, Error>;
}
