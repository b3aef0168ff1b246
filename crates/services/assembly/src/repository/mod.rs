//! Storage of builds, with the inbox and outbox rows of their changes.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use contracts::{events::Cause, ids::OrderId};
pub use memory::MemoryBuilds;
pub use postgres::{BUILDS_BATCH, MIGRATIONS, PgBuilds, remove_finished};

use crate::{
    error::Error,
    model::{Build, Event, NewBuild},
};

#[async_trait]
pub trait Builds: Send + Sync {
    /// Stores a build, unless the event was handled before or the order has a build. Returns true if stored.
    async fn start(&self, cause: Cause, build: &NewBuild) -> Result<bool, Error>;
    /// Returns the ends of the `limit` unfinished builds that are due first, each with the time until it is due.
    async fn building(&self, limit: i64) -> Result<Vec<(Event, Duration)>, Error>;
    /// Moves back an unfinished build that cannot be finished: it is due again after
    /// [`MOVED_BACK_FOR`](platform::jobs::MOVED_BACK_FOR).
    async fn move_back(&self, order: OrderId) -> Result<(), Error>;
    /// Ends those builds of `ended` that are still unfinished, and writes their events. Returns their orders, each with
    /// the time since the start of its build.
    async fn finish(&self, ended: &[Event]) -> Result<Vec<(OrderId, Duration)>, Error>;
    async fn find(&self, order: OrderId) -> Result<Option<Build>, Error>;
}
