//! Initialises the service's counters.

/// Starts every counter at 0: `rate()` does not see the first value of a series.
pub fn count_from_zero() {
    for name in ["delivery_ticks_total", "delivery_late_ticks_total"] {
        metrics::counter!(name).increment(0);
    }
}
