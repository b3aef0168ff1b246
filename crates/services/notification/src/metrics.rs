//! The service's metrics.

use platform::telemetry::metric::Metric;

use crate::{client::Confirmation, model::Kind};

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter("contact_codes_total", &["outcome"], "Codes that confirm a contact."),
    Metric::counter("greetings_total", &[], "Chats that were greeted."),
    Metric::counter("notification_retries_total", &["kind"], "Failed attempts to send that are retried."),
    Metric::counter("notifications_failed_total", &["kind"], "Notifications that were given up."),
    Metric::gauge("notifications_queued", &[], "Notifications that wait to be sent."),
    Metric::counter("notifications_sent_total", &["kind"], "Sent notifications."),
    Metric::counter("notifications_skipped_total", &["kind"], "Notifications not sent to unconfirmed contacts."),
];

/// Creates the counters at 0, since `rate()` misses the first value of a series.
pub fn count_from_zero() {
    for kind in Kind::ALL.map(Kind::as_str) {
        metrics::counter!("notifications_sent_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_failed_total", "kind" => kind).increment(0);
        metrics::counter!("notification_retries_total", "kind" => kind).increment(0);
        metrics::counter!("notifications_skipped_total", "kind" => kind).increment(0);
    }
    for outcome in Confirmation::ALL.map(Confirmation::as_str).into_iter().chain([Confirmation::UNAVAILABLE]) {
        metrics::counter!("contact_codes_total", "outcome" => outcome).increment(0);
    }
    metrics::counter!("greetings_total").increment(0);
}

pub fn sent(kind: Kind) {
    metrics::counter!("notifications_sent_total", "kind" => kind.as_str()).increment(1);
}

/// Counts a notification that is not sent because the user's contact is not confirmed.
pub fn skipped(kind: Kind) {
    metrics::counter!("notifications_skipped_total", "kind" => kind.as_str()).increment(1);
}

/// Counts a notification that is not retried.
pub fn failed(kind: Kind) {
    metrics::counter!("notifications_failed_total", "kind" => kind.as_str()).increment(1);
}

pub fn retried(kind: Kind) {
    metrics::counter!("notification_retries_total", "kind" => kind.as_str()).increment(1);
}

pub fn queued(count: i64) {
    metrics::gauge!("notifications_queued").set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
}

pub fn greeted() {
    metrics::counter!("greetings_total").increment(1);
}

pub fn code_checked(outcome: &'static str) {
    metrics::counter!("contact_codes_total", "outcome" => outcome).increment(1);
}
