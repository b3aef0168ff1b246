//! A disk without room for PostgreSQL.

use std::time::Duration;

use tokio::time::sleep;

use super::{IN_HAND, inject};
use crate::fault::{Done, Fault, Injected, Stage};

pub const FAULTS: [Fault; 1] = [Fault {
    number: 14,
    name: "disk-full",
    what: "the disk under PostgreSQL is full for 15 s",
    inject: inject!(fill),
}];

async fn fill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(15, 6));
    let before = stage.load.tally();
    let disk = match &stage.world.servers.disk {
        Ok(disk) => disk,
        Err(reason) => return Ok(Injected::Not(reason.clone())),
    };
    let until = tokio::time::Instant::now() + lasting;
    // What is deleted meanwhile is taken too.
    while tokio::time::Instant::now() < until {
        disk.fill()?;
        sleep(Duration::from_millis(500)).await;
    }
    disk.free()?;
    // A server that could not even write its log has ended; whoever watches it starts it again.
    stage.world.servers.start_postgres().await?;
    stage.gone();
    // Those in hand are among those who noticed.
    sleep(IN_HAND).await;
    let failed = stage.load.tally().since(&before).unsatisfied();
    let problems = if failed == 0 { vec!["it was missed: no request failed".to_owned()] } else { Vec::new() };
    Ok(Injected::Times(Done {
        times: 1,
        problems,
        notes: vec![format!("{failed} requests failed")],
        ..Done::default()
    }))
}
