//! Where jobs are kept.

mod memory;
mod postgres;
mod retention;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::MemoryJobs;
pub use postgres::{MIGRATIONS, PgJobs};
pub use retention::{JOBS_BATCH, remove_finished};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Event, Job, NewJob},
};

#[async_trait]
pub trait Jobs: Send + Sync {
    /// Makes the job of a paid order, once per event and once per order. True when it is new.
    async fn start(&self, consumer: &'static str, event: Uuid, job: &NewJob) -> Result<bool, Error>;
    /// The jobs under way that are due first, at most `limit`, each with the time that it still takes.
    async fn building(&self, limit: i64) -> Result<Vec<(Job, Duration)>, Error>;
    /// Ends those jobs that are still under way, and writes their events. Answers the orders of those.
    async fn finish(&self, ended: &[Event]) -> Result<Vec<Uuid>, Error>;
    async fn find(&self, order: Uuid) -> Result<Option<Job>, Error>;
}
