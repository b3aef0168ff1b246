//! A disk without room for PostgreSQL.

use std::time::Duration;

use tokio::time::sleep;

use super::{IN_HAND, inject};
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
    // What is deleted meanwhile is taken too.
    while tokio::time::Instant::now() < until {
        disk.fill()?;
        sleep(Duration::from_millis(500)).await;
    }
    disk.free()?;
    // A server that could not even write its log has ended; whoever watches it starts it again.
    experiment.cluster.servers.start_postgres().await?;
    experiment.cause_removed();
    // Those in hand are among those who noticed.
    sleep(IN_HAND).await;
    let failed = experiment.load.counters().since(&before).unsatisfied();
    let problems = if failed == 0 { vec!["it was missed: no request failed".to_owned()] } else { Vec::new() };
    Ok(Injected::Done(Injection {
        times: 1,
        problems,
        notes: vec![format!("{failed} requests failed")],
        ..Injection::default()
    }))
}
