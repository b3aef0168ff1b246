//! Retention: removes the early events of orders whose `order.paid` never arrived.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{EARLY_BATCH, remove_early};

pub fn remove_early_events(retention: &Retention) -> Job {
    retention.job("early-events", |database, age| async move {
        Ok(Done::from_count(remove_early(&database, age).await?, EARLY_BATCH))
    })
}
