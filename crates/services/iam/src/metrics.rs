//! Metric series that exist from the start.

/// Creates the counters at 0, since `rate()` misses the first value of a series.
pub fn count_from_zero() {
    for outcome in ["opened", "refused", "failed"] {
        metrics::counter!("iam_logins_total", "outcome" => outcome).increment(0);
    }
}
