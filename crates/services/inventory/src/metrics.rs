//! The service's counters.

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
