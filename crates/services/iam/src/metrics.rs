//! Creates the service's time series at the start.

/// Creates the counters with the value 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for outcome in ["opened", "refused", "failed"] {
        metrics::counter!("iam_logins_total", "outcome" => outcome).increment(0);
    }
}
