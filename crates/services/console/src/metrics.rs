//! The service's metrics.

use platform::{http::openapi, telemetry::metric::Metric};
use utoipa::openapi::OpenApi;

/// The metrics that only this service exports.
pub const METRICS: &[Metric] = &[
    Metric::counter("console_records_total", &[], "Records that were added to the timeline."),
    Metric::gauge("console_streams", &[], "Open event streams."),
];

/// Creates the counters at 0, because Prometheus' `rate()` ignores the first value of a series. `document` describes
/// the HTTP API.
pub fn count_from_zero(document: OpenApi) {
    metrics::counter!("console_records_total").increment(0);
    metrics::gauge!("console_streams").set(0);
    openapi::count_from_zero(document);
}

pub fn recorded(count: u64) {
    metrics::counter!("console_records_total").increment(count);
}

pub fn stream_opened() {
    metrics::gauge!("console_streams").increment(1);
}

pub fn stream_closed() {
    metrics::gauge!("console_streams").decrement(1);
}
