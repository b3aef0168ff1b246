//! The clock: ends ships when they are due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::service::AssemblyService;

/// How long to wait when the database is away.
const RETRY: Duration = Duration::from_millis(500);

/// Ends jobs as they become due, until `stop`.
pub async fn build_ships(service: AssemblyService, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let left = service.finish_due().await.unwrap_or_else(|error| {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "ships wait");
            RETRY
        });
        tokio::select! {
            () = service.wait(left) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
