//! The service's metrics.

use std::time::Duration;

use platform::{http::openapi, telemetry::metric::Metric};
use utoipa::openapi::OpenApi;

use crate::repository::Counts;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] = &[
    Metric::gauge("couriers", &["state"], "Couriers that are free or carry an order. Each replica reports the same."),
    Metric::gauge(
        "deliveries",
        &["status"],
        "Orders that wait for a courier, up to 10 000, and those that a courier carries. Each replica reports the same.",
    ),
    Metric::histogram(
        "delivery_duration_seconds",
        &[],
        "The time from the end of the assembly until the order is delivered, without baskets and trial orders.",
    ),
    Metric::counter("delivery_late_ticks_total", &[], "Ticks of the couriers that were more than 100 ms late."),
    Metric::counter("delivery_ticks_total", &[], "Ticks of the couriers."),
];

/// Creates every time series at 0, because `rate()` ignores the first value of a series. `document` describes the HTTP
/// API.
pub fn count_from_zero(document: OpenApi) {
    for name in ["delivery_ticks_total", "delivery_late_ticks_total"] {
        metrics::counter!(name).increment(0);
    }
    let _ = metrics::histogram!("delivery_duration_seconds");
    counts(Counts::default());
    openapi::count_from_zero(document);
}

/// Records how long the delivered orders of users were under way.
pub fn delivered(took: &[Duration]) {
    for took in took {
        metrics::histogram!("delivery_duration_seconds").record(*took);
    }
}

/// Each replica exports the same numbers, so dashboards take the maximum.
pub fn counts(counts: Counts) {
    let Counts { created, assigned, free } = counts;
    metrics::gauge!("deliveries", "status" => "CREATED").set(created);
    metrics::gauge!("deliveries", "status" => "ASSIGNED").set(assigned);
    metrics::gauge!("couriers", "state" => "free").set(free);
    metrics::gauge!("couriers", "state" => "busy").set(assigned);
}

/// Counts a tick of the replica that moves the couriers.
pub fn ticked(is_late: bool) {
    metrics::counter!("delivery_ticks_total").increment(1);
    metrics::counter!("delivery_late_ticks_total").increment(is_late.into());
}
