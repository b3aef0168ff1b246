//! The disk of PostgreSQL is full.

use std::time::Duration;

use tokio::time::sleep;

use super::{ANSWERED_AFTER, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 1] = [Fault {
    number: 14,
    name: "disk-full",
    what: "the disk under PostgreSQL is full for 15 s",
    inject: inject!(fill),
}];

async fn fill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(experiment.scale(15, 6));
    let before = experiment.load.counters();
    let disk = match &experiment.cluster.servers.disk {
        Ok(disk) => disk,
        Err(reason) => return Ok(Injected::Skipped(reason.clone())),
    };
    let until = tokio::time::Instant::now() + lasting;
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
    let problems = if failed == 0 { vec!["the fault had no effect: no request failed".to_owned()] } else { Vec::new() };
    Ok(Injected::Done(Injection {
        times: 1,
        problems,
        notes: vec![format!("{failed} requests failed")],
        ..Injection::default()
    }))
}
