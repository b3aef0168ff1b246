//! Jobs that set gauges from counts of rows.

use std::time::Duration;

use super::Job;

/// The interval between two counts. Prometheus scrapes the metrics at the same interval.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

impl Job {
    /// Creates a job that calls `report` every [`REPORT_INTERVAL`] in every replica.
    pub fn reporting<F>(name: &'static str, report: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::new(name, move |stop| async move {
            while !stop.is_cancelled() {
                report().await;
                tokio::select! {
                    // `biased`, because the simulation must repeat a run exactly from its seed.
                    biased;
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(REPORT_INTERVAL) => {}
                }
            }
            Ok(())
        })
    }
}
