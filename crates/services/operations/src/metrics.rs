//! The service's metrics.

use platform::telemetry::metric::Metric;

/// The metrics that only this service exports.
pub const METRICS: &[Metric] = &[Metric::counter("operations_actions_total", &["action"], "Actions of operators.")];

const ACTIONS: [&str; 6] = ["audit", "courier", "discard", "kyc-rollback", "replay", "restock"];

/// Creates the counters at 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for action in ACTIONS {
        metrics::counter!("operations_actions_total", "action" => action).increment(0);
    }
}

/// Counts an operator's action, one of [`ACTIONS`].
pub fn acted(action: &'static str) {
    metrics::counter!("operations_actions_total", "action" => action).increment(1);
}
