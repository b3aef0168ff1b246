//! Jobs that set gauges from counts of rows.

use std::time::Duration;

use super::{Job, caught};
use crate::outage::Outage;

/// The interval between two counts. Prometheus scrapes the metrics at the same interval.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

impl Job {
    /// Creates a job that calls `report` every [`REPORT_INTERVAL`] in every replica, also after a panic of `report`.
    pub fn reporting<F>(name: &'static str, report: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::new(name, move |stop| async move {
            let mut outage = Outage::new("reporting", name);
            while !stop.is_cancelled() {
                let round = async {
                    report().await;
                    anyhow::Ok(())
                };
                match caught(round).await {
                    Ok(()) => outage.over(),
                    Err(error) => outage.met(error),
                }
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
