//! Loads the latest orders into the cache, before the service is ready.

use std::time::Duration;

use platform::{error_chain, retry};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::service::IntakeService;

/// How long the service waits for the preload. After that, the cache fills as orders are stored and read.
const PRELOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Loads the cache, with retries, for at most [`PRELOAD_TIMEOUT`]: a slow or failing read of old orders must not delay
/// the start further.
pub async fn preload_cache(service: &IntakeService, stop: &CancellationToken) {
    let begun = Instant::now();
    for pause in retry::endless_backoff() {
        let (orders, outcome) = service.preload(begun + PRELOAD_TIMEOUT).await;
        let Err(error) = outcome else {
            return tracing::info!(orders, took = ?begun.elapsed(), "cache preloaded");
        };
        let error = error_chain(error);
        if orders > 0 || begun.elapsed() + pause >= PRELOAD_TIMEOUT {
            return tracing::warn!(orders, error, "cache not preloaded in full");
        }
        tracing::warn!(error, "preloading the cache failed, retrying");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
