//! The service's metrics.

use platform::telemetry::metric::Metric;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] =
    &[Metric::histogram("assembly_duration_seconds", &[], "The time that building a ship took.")];

/// Starts the histogram without a sample.
pub fn count_from_zero() {
    let _ = metrics::histogram!("assembly_duration_seconds");
}

/// Records how long building a ship took, in seconds.
pub fn built(seconds: i64) {
    metrics::histogram!("assembly_duration_seconds").record(f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)));
}
