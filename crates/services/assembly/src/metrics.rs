//! The service's metrics.

use std::time::Duration;

use platform::telemetry::metric::Metric;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] =
    &[Metric::histogram("assembly_duration_seconds", &[], "The time that building a ship took.")];

pub fn count_from_zero() {
    let _ = metrics::histogram!("assembly_duration_seconds");
}

/// Records the time from the start of a build until its end was written.
pub fn built(took: Duration) {
    metrics::histogram!("assembly_duration_seconds").record(took);
}
