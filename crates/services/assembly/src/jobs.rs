//! Background jobs.

use std::time::Duration;

use platform::jobs::{Done, Job, Retention, caught};
use tokio_util::sync::CancellationToken;

use crate::{
    repository::{BUILDS_BATCH, remove_finished},
    service::AssemblyService,
};

/// Returns the jobs that run over any implementation of the repositories.
pub fn all(service: &AssemblyService) -> [Job; 1] {
    [finish_builds(service.clone())]
}

/// The backoff while the database is unavailable.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The job runs in every replica. The first replica whose statement changes a build's row finishes the build.
pub fn finish_builds(service: AssemblyService) -> Job {
    Job::new("builder", |stop| finish_until(service, stop))
}

async fn finish_until(service: AssemblyService, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let left = caught(service.finish_builds()).await.unwrap_or_else(|error| {
            tracing::warn!(error = format!("{error:#}"), "finishing builds failed, retrying");
            RETRY_DELAY
        });
        tokio::select! {
            () = service.wait(left) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

pub fn remove_old_builds(retention: &Retention) -> Job {
    retention.job("jobs-retention", |database, age| async move {
        Ok(Done::from_count(remove_finished(&database, age).await?, BUILDS_BATCH))
    })
}
