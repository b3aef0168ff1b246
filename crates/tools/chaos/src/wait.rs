//! Waits for conditions that are met only some time after a fault.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until `holds` returns true; returns false after `limit`.
pub async fn until(limit: Duration, holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let begun = Instant::now();
    while !holds().await? {
        if begun.elapsed() > limit {
            return Ok(false);
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(true)
}

/// Retries `attempt` until it succeeds. After `limit`, returns its error.
pub async fn retried<T>(limit: Duration, attempt: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(_) if begun.elapsed() <= limit => sleep(POLL_INTERVAL).await,
            outcome => return outcome,
        }
    }
}
