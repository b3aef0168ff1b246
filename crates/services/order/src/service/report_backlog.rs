//! Reports how many attempts to pay stay unsettled.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::metrics;

/// How often the attempts are counted.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// The maximum number of attempts that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl OrderService {
    /// Sets the gauge of attempts that are unsettled for long every [`REPORT_INTERVAL`], until `stop`.
    pub async fn report_backlog(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // The reconciler logs that the database is unavailable.
            if let Ok(count) = self.attempts.long_unsettled(MAX_COUNTED).await {
                metrics::unsettled(count);
            }
            tokio::select! {
                // `biased`, because the simulation must repeat a run exactly from its seed.
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REPORT_INTERVAL) => {}
            }
        }
    }
}
