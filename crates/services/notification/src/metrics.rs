//! Metric series that exist from the start.

use platform::metric::Metric;

use crate::{client::Confirmation, model::Kind, service::UNAVAILABLE};

/// What this service exports besides the metrics of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter("contact_codes_total", &["outcome"], "Codes that confirm a contact."),
    Metric::counter("greetings_total", &[], "Chats that were greeted."),
    Metric::counter("notification_retries_total", &["kind"], "Failed attempts to send that are repeated."),
    Metric::counter("notifications_failed_total", &["kind"], "Notifications that were given up."),
    Metric::gauge("notifications_queued", &[], "Notifications that wait to be sent."),
    Metric::counter("notifications_sent_total", &["kind"], "Sent notifications."),
    Metric::counter("notifications_skipped_total", &["kind"], "Notifications that had no chat to go to."),
];

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
