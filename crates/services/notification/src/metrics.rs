//! Metric series that exist from the start.

use crate::{client::Confirmation, model::Kind, service::UNAVAILABLE};

/// Creates the counters at 0, since `rate()` misses the first value of a series.
pub fn count_from_zero() {
    for kind in Kind::ALL.map(Kind::as_str) {
        metrics::counter!("notifications_sent_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_failed_total", "kind" => kind).increment(0);
        metrics::counter!("notification_retries_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_skipped_total", "kind" => kind).increment(0);
    }
    for outcome in Confirmation::ALL.map(Confirmation::as_str).into_iter().chain([UNAVAILABLE]) {
        metrics::counter!("contact_codes_total", "outcome" => outcome).increment(0);
    }
    metrics::counter!("greetings_total").increment(0);
}
