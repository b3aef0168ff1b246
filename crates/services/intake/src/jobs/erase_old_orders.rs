//! Retention: erases orders that were stored longer ago than `INTAKE_RETENTION`.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{ERASE_BATCH, erase_older};

pub fn erase_old_orders(retention: &Retention) -> Job {
    retention.job("old-orders", |database, age| async move {
        Ok(Done::from_count(erase_older(&database, age).await?, ERASE_BATCH))
    })
}
