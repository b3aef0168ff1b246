//! The disk of PostgreSQL is full.

use std::time::Duration;

use tokio::time::sleep;

use super::{ANSWERED_AFTER, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 1] =
    [Fault::new(14, "disk-full", "the disk under PostgreSQL is full", inject!(fill)).lasting(15, 6)];

async fn fill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = experiment.load.counters();
    let disk = match &experiment.cluster.servers.disk {
        Ok(disk) => disk,
        Err(reason) => return Ok(Injected::Skipped(reason.clone())),
    };
    let until = tokio::time::Instant::now() + experiment.lasting;
    // Fill the space that becomes free meanwhile.
    while tokio::time::Instant::now() < until {
        disk.fill()?;
        sleep(Duration::from_millis(500)).await;
    }
    disk.free()?;
    // PostgreSQL exits if it cannot write its log. In production, a supervisor would restart it.
    experiment.cluster.servers.start_postgres().await?;
    experiment.cause_removed();
    // Wait for the affected requests in flight.
    sleep(ANSWERED_AFTER).await;
    let failed = experiment.load.counters().since(&before).unsatisfied();
    let mut done = Injection::at_least_one(usize::from(failed > 0), "no request failed");
    done.notes.push(format!("{failed} requests failed"));
    Ok(Injected::Done(done))
}
