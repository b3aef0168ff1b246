//! Initialises the service's counters.

use platform::metric::Metric;
use utoipa::openapi::path::{Operation, PathItem};

use crate::{api::document, repository::Question, service::STATUS_CACHE_OUTCOMES};

/// What this service exports besides the metrics of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter("order_status_cache_requests_total", &["outcome", "view"], "Look-ups in the status cache."),
    Metric::counter("orders_cancelled_total", &[], "Cancelled orders."),
    Metric::counter("orders_paid_total", &[], "Paid orders."),
    Metric::counter(
        "orders_revenue_total",
        &[],
        "The prices of paid orders, in minor units: cents. Dashboards divide by 100.",
    ),
    Metric::counter("orders_total", &[], "Created orders."),
    Metric::counter(
        "payment_outcomes_unknown_total",
        &[],
        "Payments whose outcome was unknown when their request ended.",
    ),
];

/// Creates every counter with the value 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for name in [
        "orders_total",
        "orders_paid_total",
        "orders_revenue_total",
        "orders_cancelled_total",
        "payment_outcomes_unknown_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for view in [Question::Payment, Question::Delivery].map(Question::as_str) {
        for outcome in STATUS_CACHE_OUTCOMES {
            metrics::counter!("order_status_cache_requests_total", "view" => view, "outcome" => outcome).increment(0);
        }
    }
    http();
}

/// Creates a counter of HTTP requests for each response in the OpenAPI document.
fn http() {
    for (route, item) in document().paths.paths {
        for (method, operation) in operations(item) {
            for status in operation.responses.responses.into_keys() {
                let (method, route) = (method, route.clone());
                metrics::counter!("http_requests_total", "method" => method, "route" => route, "status" => status)
                    .increment(0);
            }
        }
    }
}

fn operations(item: PathItem) -> impl Iterator<Item = (&'static str, Operation)> {
    let methods = [("GET", item.get), ("POST", item.post)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation?)))
}
