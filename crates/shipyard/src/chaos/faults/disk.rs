//! A disk without room for PostgreSQL.

use std::time::Duration;

use tokio::time::sleep;

use super::inject;
use crate::chaos::fault::{Done, Fault, Injected, Stage};

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
    let tally = stage.load.tally().since(&before);
    let failed = tally.failed();
    let problems = if failed == 0 { vec!["no request noticed".to_owned()] } else { Vec::new() };
    Ok(Injected::Times(Done { times: 1, problems, ..Done::default() }))
}
