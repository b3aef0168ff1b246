//! Metric series that exist from the start.

use crate::model::Kind;

/// Creates the counters at 0, since `rate()` misses the first value of a series.
pub fn count_from_zero() {
    for kind in Kind::ALL.map(Kind::as_str) {
        metrics::counter!("notifications_sent_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_failed_total", "kind" => kind).increment(0);
        metrics::counter!("notification_retries_total", "kind" => kind).increment(0);
    }
    metrics::counter!("greetings_total").increment(0);
}
