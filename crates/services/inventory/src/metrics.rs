//! The service's counters.

use platform::metric::Metric;

/// What this service exports besides the metrics of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter("inventory_expiries_total", &["outcome"], "Reservations that fell due."),
    Metric::counter("inventory_inconsistencies_total", &[], "Events that contradict the stock. Each is a defect."),
    Metric::counter("inventory_reservations_total", &["outcome"], "Requests to reserve parts."),
];

/// Creates every time series with the value 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for outcome in ["reserved", "out_of_stock", "refused"] {
        metrics::counter!("inventory_reservations_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["kept", "expired"] {
        metrics::counter!("inventory_expiries_total", "outcome" => outcome).increment(0);
    }
    metrics::counter!("inventory_inconsistencies_total").increment(0);
}
