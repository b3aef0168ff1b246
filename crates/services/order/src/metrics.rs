//! The service's metrics.

use platform::{http::openapi, telemetry::metric::Metric};
use utoipa::openapi::OpenApi;

use crate::{model::Order, repository::StatusKind};

/// The metrics that only this service exports.
pub const METRICS: &[Metric] = &[
    Metric::counter("order_status_cache_requests_total", &["outcome", "view"], "Look-ups in the status cache."),
    Metric::counter("orders_cancelled_total", &[], "Cancelled orders."),
    Metric::counter(
        "orders_paid_total",
        &[],
        "Paid orders. It may miss some while PostgreSQL is slow or fails over; the table orders has them all.",
    ),
    Metric::counter(
        "orders_revenue_total",
        &[],
        "The prices of the orders that orders_paid_total counts, in minor units: cents. Dashboards divide by 100.",
    ),
    Metric::counter("orders_total", &[], "Created orders."),
    Metric::gauge(
        "payment_attempts_unsettled",
        &[],
        "Attempts to pay whose outcome is still unknown 30 to 75 s after they began, or later. Each replica reports the same.",
    ),
    Metric::counter(
        "payment_outcomes_unknown_total",
        &[],
        "Payments whose outcome was unknown when their request ended.",
    ),
];

const LOOKED_UP: [&str; 3] = ["hit", "miss", "unavailable"];

/// Creates every counter with the value 0, because Prometheus' `rate()` ignores the first value of a series. `document`
/// describes the HTTP API.
pub fn count_from_zero(document: OpenApi) {
    for name in [
        "orders_total",
        "orders_paid_total",
        "orders_revenue_total",
        "orders_cancelled_total",
        "payment_outcomes_unknown_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for view in [StatusKind::Payment, StatusKind::Delivery].map(StatusKind::as_str) {
        for outcome in LOOKED_UP {
            metrics::counter!("order_status_cache_requests_total", "view" => view, "outcome" => outcome).increment(0);
        }
    }
    openapi::count_from_zero(document);
}

pub fn created() {
    metrics::counter!("orders_total").increment(1);
}

pub fn paid(order: &Order) {
    metrics::counter!("orders_paid_total").increment(1);
    metrics::counter!("orders_revenue_total").increment(order.total_price.minor().unsigned_abs());
}

pub fn cancelled() {
    metrics::counter!("orders_cancelled_total").increment(1);
}

pub fn outcome_unknown() {
    metrics::counter!("payment_outcomes_unknown_total").increment(1);
}

pub fn unsettled(count: i64) {
    metrics::gauge!("payment_attempts_unsettled").set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
}

pub fn status_looked_up(kind: StatusKind, outcome: &'static str) {
    let view = kind.as_str();
    metrics::counter!("order_status_cache_requests_total", "view" => view, "outcome" => outcome).increment(1);
}
