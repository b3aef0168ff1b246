//! Reports how many payments are unfinished.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::PaymentService;
use crate::metrics;

/// How often the unfinished payments are counted.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// The maximum number of payments that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl PaymentService {
    /// Sets the gauges of unfinished payments every [`REPORT_INTERVAL`], until `stop`.
    pub async fn report_backlog(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // The job `finish_payments` logs that the database is unavailable.
            if let Ok(unfinished) = self.payments.unfinished(MAX_COUNTED).await {
                metrics::backlog(unfinished);
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
