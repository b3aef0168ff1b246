//! Loads the latest orders into the cache, before the service is ready.

use platform::{postgres::DatabaseError, retry};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{error::Error, service::IntakeService};

/// Loads the cache, and retries while the database is unavailable. Returns false if it was stopped before the cache was loaded.
pub async fn preload_cache(service: &IntakeService, stop: &CancellationToken) -> Result<bool, Error> {
    for pause in retry::endless_backoff() {
        let begun = Instant::now();
        match service.preload().await {
            Ok(orders) => {
                tracing::info!(orders, took = ?begun.elapsed(), "cache preloaded");
                return Ok(true);
            }
            Err(error @ Error::Database(DatabaseError::Unavailable(_))) => {
                tracing::warn!(%error, "preloading the cache failed, retrying");
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    Ok(false)
}
