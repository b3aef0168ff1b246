//! The metrics of this process, in Prometheus' text format.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

/// How often the samples of histograms are folded into buckets. Until it is folded, each sample takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to collect the metrics of this process. Samples are folded into buckets until the returned handle is dropped,
/// even without scrapes.
pub(super) fn record() -> anyhow::Result<AbortOnDropHandle<()>> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    // A courier takes one step per tick, and at most 18 steps to a place. A build that an outage interrupts lasts as
    // long as the outage.
    let minutes = [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("delivery_duration_seconds".to_owned()), &minutes)?
        .set_buckets_for_metric(Matcher::Full("assembly_duration_seconds".to_owned()), &minutes)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()
        .context("setting up metrics")?;
    let _ = METRICS.set(handle.clone());
    // The process has just started.
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("process_start_time_seconds").set(started.as_secs_f64());
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            ticks.tick().await;
            handle.run_upkeep();
        }
    })))
}

pub fn render_metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resident memory of this process in bytes.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[tokio::test(start_paused = true)]
    async fn samples_take_no_more_memory_where_nothing_scrapes_them() {
        // With this many samples, memory that other tests of this process allocate meanwhile is negligible.
        const ROUNDS: usize = 160;
        const SAMPLES: usize = 100_000;
        let _upkeep = record().unwrap();
        let histogram = metrics::histogram!("example_seconds");
        let before = resident();

        for _ in 0..ROUNDS {
            for _ in 0..SAMPLES {
                histogram.record(0.1);
            }
            tokio::time::sleep(UPKEEP_INTERVAL).await;
        }

        let (grown, all) = (resident().saturating_sub(before), ROUNDS * SAMPLES * size_of::<f64>());
        assert!(grown < all / 2, "{grown} bytes more for samples of {all} bytes");
    }
}
