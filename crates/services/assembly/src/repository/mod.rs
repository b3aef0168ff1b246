//! Storage: build jobs, with the inbox and outbox rows of their changes.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId};
pub use memory::MemoryJobs;
pub use postgres::{JOBS_BATCH, MIGRATIONS, PgJobs, remove_finished};

use crate::{
    error::Error,
    model::{Event, Job, NewJob},
};

#[async_trait]
pub trait Jobs: Send + Sync {
    /// Stores a job, unless the event was handled before or the order has a job. Returns true if it was stored.
    async fn start(&self, consumer: &'static str, event: EventId, job: &NewJob) -> Result<bool, Error>;
    /// Returns the unfinished jobs that are due first, at most `limit`, each with the time until it is due.
    async fn building(&self, limit: i64) -> Result<Vec<(Job, Duration)>, Error>;
    /// Ends those of the jobs that are still unfinished and writes their events. Returns the orders of the jobs that it ended.
    async fn finish(&self, ended: &[Event]) -> Result<Vec<OrderId>, Error>;
    async fn find(&self, order: OrderId) -> Result<Option<Job>, Error>;
}
