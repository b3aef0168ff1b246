//! The service's metrics.

use platform::telemetry::metric::Metric;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter("inventory_expiries_total", &["outcome"], "Reservations that fell due."),
    Metric::counter("inventory_inconsistencies_total", &[], "Events that contradict the stock. Each is a defect."),
    Metric::counter("inventory_reservations_total", &["outcome"], "Requests to reserve parts."),
    Metric::gauge(
        "inventory_unpaid_share",
        &[],
        "The largest share of a part's unsold units that unpaid orders hold. Each replica reports the same.",
    ),
];

/// Creates every time series at 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for outcome in ["reserved", "out_of_stock", "too_many_reserved", "refused"] {
        metrics::counter!("inventory_reservations_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["kept", "expired"] {
        metrics::counter!("inventory_expiries_total", "outcome" => outcome).increment(0);
    }
    metrics::counter!("inventory_inconsistencies_total").increment(0);
}

pub fn reserved(outcome: &'static str) {
    metrics::counter!("inventory_reservations_total", "outcome" => outcome).increment(1);
}

/// Sets the largest share of a part that unpaid orders hold.
pub fn unpaid_share(share: f64) {
    metrics::gauge!("inventory_unpaid_share").set(share);
}

/// Counts due reservations: `kept` ones, whose orders exist, and `expired` ones, whose orders do not.
pub fn due(kept: u64, expired: u64) {
    metrics::counter!("inventory_expiries_total", "outcome" => "kept").increment(kept);
    metrics::counter!("inventory_expiries_total", "outcome" => "expired").increment(expired);
}

/// Counts an event that contradicts its order's reservation.
pub fn inconsistent() {
    metrics::counter!("inventory_inconsistencies_total").increment(1);
}
