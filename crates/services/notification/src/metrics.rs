//! The counters of this service.

use crate::model::Kind;

/// Makes them with 0: a rate does not see the first value of a series.
pub fn count_from_zero() {
    for kind in Kind::ALL.map(Kind::as_str) {
        metrics::counter!("notifications_sent_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_failed_total", "kind" => kind).increment(0);
        metrics::counter!("notification_retries_total", "kind" => kind).increment(0);
    }
    metrics::counter!("greetings_total").increment(0);
}
