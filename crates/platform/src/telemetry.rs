//! Logs, traces and metrics: set up once per process, and the trace context that travels with every call and event.

use std::{collections::HashMap, sync::OnceLock, time::Duration};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    global,
    propagation::TextMapCompositePropagator,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::SdkTracerProvider,
};
use serde::Deserialize;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line, for collectors.
    Json,
}

/// How the process logs and where its traces go.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// A level or a `tracing` filter: `info`, `debug`, `info,sqlx=warn`.
    #[serde(default = "default_level")]
    pub log_level: String,
    #[serde(default)]
    pub log_format: LogFormat,
    /// OTLP over gRPC, such as `http://127.0.0.1:4317`. Absent: traces are not exported, but still have ids.
    pub otel_exporter_otlp_endpoint: Option<String>,
}

fn default_level() -> String {
    "info".to_owned()
}

/// Keeps telemetry going; dropped at the end of `main`, it sends what is left.
pub struct Telemetry {
    tracer: SdkTracerProvider,
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logs, traces and metrics for this process, whose name in traces is `service`.
pub fn start(service: &'static str, config: &Config) -> anyhow::Result<Telemetry> {
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let mut tracer = SdkTracerProvider::builder().with_resource(Resource::builder().with_service_name(service).build());
    if let Some(endpoint) = &config.otel_exporter_otlp_endpoint {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(Duration::from_secs(5))
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        tracer = tracer.with_batch_exporter(exporter);
    }
    let tracer = tracer.build();
    // What PostgreSQL mentions when a migration finds its work done is no news.
    let quiet = "sqlx::postgres::notice=warn".parse().context("a log directive")?;
    let filter = EnvFilter::try_new(&config.log_level).context("LOG_LEVEL")?.add_directive(quiet);
    let format = match config.log_format {
        LogFormat::Pretty => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(format.with_filter(filter))
        .with(tracing_opentelemetry::layer().with_tracer(tracer.tracer("shipyard")).with_filter(
            tracing_subscriber::filter::filter_fn(|metadata| {
                metadata.is_span() && *metadata.level() <= tracing::Level::INFO
            }),
        ))
        .try_init()
        .context("setting up logs")?;
    record_metrics()?;
    Ok(Telemetry { tracer })
}

/// Collects the metrics of this process. Once; further calls do nothing.
fn record_metrics() -> anyhow::Result<()> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()
        .context("setting up metrics")?;
    let _ = METRICS.set(handle);
    Ok(())
}

/// The metrics of this process in Prometheus' text format.
pub fn render_metrics() -> String {
    METRICS
        .get()
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let _ = self.tracer.shutdown_with_timeout(Duration::from_secs(2));
    }
}

/// The W3C trace context of the current span: `traceparent`, `tracestate` and `baggage`, those that there are.
pub fn trace_context() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers
}

/// Makes `span` a child of the trace context that came with a call or an event.
#[expect(clippy::implicit_hasher, reason = "opentelemetry extracts from this very type")]
pub fn continue_trace(span: &tracing::Span, headers: &HashMap<String, String>) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    if context.span().span_context().is_valid() {
        let _ = span.set_parent(context);
    }
}

/// The trace's id as 32 hex digits, where `span` has one.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let id = span.span_context();
    id.is_valid().then(|| id.trace_id().to_string())
}
