//! Work that is done again and again in the background, by one replica at a time, in bounded batches.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::lease::Lease;

/// Repeats `batch` every `period` while this replica has the lease, and at once when a batch was full.
///
/// `batch` answers how much it did and says whether that was all. Its failures are logged and it is tried again.
pub async fn run<F>(
    name: &'static str,
    lease: Arc<dyn Lease>,
    period: Duration,
    batch: impl Fn() -> F,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Done>>,
{
    // Longer than a period, so that the holder keeps it, and soon passed on.
    let ttl = period * 3 + Duration::from_secs(2);
    loop {
        let outcome = async {
            while lease.acquire(ttl).await?.is_some() {
                let done = batch().await?;
                if done.count > 0 {
                    tracing::info!(sweeper = name, count = done.count, "swept");
                    metrics::counter!("swept_total", "sweeper" => name).increment(done.count);
                }
                if !done.more || stop.is_cancelled() {
                    break;
                }
            }
            Ok::<_, anyhow::Error>(())
        }
        .await;
        if let Err(error) = outcome {
            tracing::warn!(sweeper = name, error = format!("{error:#}"), "sweeping is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub count: u64,
    /// True when the batch was full and the next should follow at once.
    pub more: bool,
}

impl Done {
    /// A batch that did `count` of at most `limit`.
    pub fn of(count: u64, limit: u64) -> Self {
        Self { count, more: count >= limit }
    }
}
