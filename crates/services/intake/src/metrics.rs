//! The service's metrics.

use platform::{http::openapi, telemetry::metric::Metric};
use utoipa::openapi::OpenApi;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] = &[
    Metric::gauge("intake_cache_entries", &[], "Orders in the cache."),
    Metric::counter("intake_cache_requests_total", &["outcome"], "Look-ups in the cache."),
    Metric::counter("intake_orders_total", &["outcome"], "Consumed orders."),
];

/// Creates every counter at 0, because `rate()` ignores the first value of a series. `document` describes the HTTP API.
pub fn count_from_zero(document: OpenApi) {
    for outcome in ["stored", "repeated", "reused", "invalid"] {
        metrics::counter!("intake_orders_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["hit", "miss"] {
        metrics::counter!("intake_cache_requests_total", "outcome" => outcome).increment(0);
    }
    metrics::gauge!("intake_cache_entries").set(0);
    openapi::count_from_zero(document);
}

pub fn orders(outcome: &'static str, count: usize) {
    metrics::counter!("intake_orders_total", "outcome" => outcome).increment(u64::try_from(count).unwrap_or(u64::MAX));
}

pub fn looked_up(is_cached: bool) {
    let outcome = if is_cached { "hit" } else { "miss" };
    metrics::counter!("intake_cache_requests_total", "outcome" => outcome).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
pub fn cached(entries: u64) {
    metrics::gauge!("intake_cache_entries").set(entries as f64);
}
