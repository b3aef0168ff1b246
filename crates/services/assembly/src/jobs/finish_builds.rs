//! Finishes builds when they are due.

use std::time::Duration;

use platform::jobs::{Job, caught};
use tokio_util::sync::CancellationToken;

use crate::service::AssemblyService;

/// The pause before a retry while the database is unavailable.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The job runs in every replica. The first replica whose statement changes a build's row finishes the build.
pub fn finish_builds(service: AssemblyService) -> Job {
    Job::new("builder", |stop| run(service, stop))
}

async fn run(service: AssemblyService, stop: CancellationToken) -> anyhow::Result<()> {
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
