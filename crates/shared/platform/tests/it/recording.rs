//! Records the spans of one thread, with a service's trace headers.

use std::collections::HashMap;

use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use platform::telemetry;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// The trace of the program that sends [`trace_headers`].
pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Records the spans of this thread, until the guard is dropped.
pub fn record() -> DefaultGuard {
    global::set_text_map_propagator(telemetry::propagator());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    telemetry::subscribe(tracing_subscriber::registry().with(layer))
}

/// Returns the trace headers of [`TRACE`], which is not recorded, with this baggage.
pub fn trace_headers(baggage: &str) -> HashMap<String, String> {
    let parent = format!("00-{TRACE}-b7ad6b7169203331-00");
    [("traceparent", parent.as_str()), ("tracestate", "c=d"), ("baggage", baggage)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns baggage that a server accepts, but that is too long for it in a further call, which percent-encodes each
/// `"`.
pub fn long_baggage() -> String {
    format!("k={}", "\"".repeat(5_600))
}
