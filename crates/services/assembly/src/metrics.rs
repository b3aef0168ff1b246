//! The service's metrics.

use platform::metric::Metric;

/// What this service exports besides the metrics of every service.
pub const METRICS: &[Metric] =
    &[Metric::histogram("assembly_duration_seconds", &[], "The time that building a ship took.")];

/// Starts the histogram without a sample.
pub fn count_from_zero() {
    let _ = metrics::histogram!("assembly_duration_seconds");
}
