//! Logs, traces and metrics, which are set up once per process.

mod export;
mod logs;
pub mod metric;

use std::time::Duration;

use anyhow::Context as _;
pub use base::{
    memory_log::{MemoryLog, subscribe},
    trace::{Trace, continue_trace, job_span, propagator, trace, trace_context, trace_id},
};
pub use logs::{LogFormat, LogOutputs, OUTAGES};
pub use metric::render_metrics;
use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    logs::SdkLoggerProvider,
    trace::{Sampler, SdkTracerProvider},
};
use serde::Deserialize;
use tokio_util::task::AbortOnDropHandle;
use tracing_subscriber::{
    Layer as _,
    filter::{FilterFn, LevelFilter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// A level or a `tracing` filter, such as `info`, `debug` or `info,sqlx=warn`.
    #[serde(default = "default_level")]
    pub log_level: String,
    #[serde(default)]
    pub log_format: LogFormat,
    #[serde(default)]
    pub log_outputs: LogOutputs,
    /// The OTLP endpoint over gRPC, such as `http://127.0.0.1:4317`. With `None` traces are not exported but still have
    /// ids.
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// The share of traces that are recorded, from 0 to 1. Spans of a trace that another service began follow that
    /// service's decision.
    #[serde(default = "default_share")]
    pub otel_traces_sampler_arg: f64,
    /// True if HTTP requests without TLS may continue a trace. Set this only for services that callers reach only
    /// through the gateway, which removes their trace headers.
    #[serde(default)]
    pub trust_trace_headers: bool,
}

fn default_level() -> String {
    "info".to_owned()
}

fn default_share() -> f64 {
    1.0
}

/// Flushes telemetry when it is dropped, at the end of `main`.
pub struct Telemetry {
    traces: SdkTracerProvider,
    logs: Option<SdkLoggerProvider>,
    _upkeep: AbortOnDropHandle<()>,
}

/// The time limit, at the end of a process, for exporting the waiting spans, and again for the waiting log records.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts logs, traces and metrics. `service` is the name of the service in traces and logs. Fails if a variable is
/// invalid; the error names it.
pub fn start(service: &'static str, config: &Config) -> anyhow::Result<Telemetry> {
    let upkeep = metric::record()?;
    export::count_from_zero();
    global::set_text_map_propagator(propagator());
    edge::request_telemetry::trust_trace_headers(config.trust_trace_headers);
    let share = config.otel_traces_sampler_arg;
    anyhow::ensure!((0.0..=1.0).contains(&share), "OTEL_TRACES_SAMPLER_ARG: must be from 0 to 1");
    let resource = Resource::builder().with_service_name(service).build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
    let mut traces = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(sampler);
    let endpoint = config.otel_exporter_otlp_endpoint.as_deref();
    if let Some(endpoint) = endpoint {
        traces = traces.with_span_processor(export::spans(endpoint)?);
    }
    let traces = traces.build();
    let logs = match endpoint.filter(|_| config.log_outputs.otlp) {
        Some(endpoint) => {
            let logs = SdkLoggerProvider::builder().with_resource(resource);
            Some(logs.with_log_processor(export::logs(endpoint)?).build())
        }
        None => None,
    };
    tracing_subscriber::registry()
        .with(logs::output(config)?)
        .with(logs.as_ref().map(|logs| logs::export(logs, config)).transpose()?)
        .with(
            // Source locations, threads and poll times are of no use to readers of traces, and would add attributes to
            // each span.
            tracing_opentelemetry::layer()
                .with_tracer(traces.tracer("shipyard"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                // Exported log records find their span through the active context.
                .with_context_activation(logs.is_some())
                .with_filter(
                    FilterFn::new(|metadata| metadata.is_span() && *metadata.level() <= tracing::Level::INFO)
                        .with_max_level_hint(LevelFilter::INFO),
                ),
        )
        .try_init()
        .context("setting up logs")?;
    Ok(Telemetry { traces, logs, _upkeep: upkeep })
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let _ = self.traces.shutdown_with_timeout(FLUSH_TIMEOUT);
        if let Some(logs) = &self.logs {
            let _ = logs.shutdown_with_timeout(FLUSH_TIMEOUT);
        }
    }
}
