//! Logs, traces and metrics, which are set up once per process, and the trace context of calls and events.

use std::{collections::HashMap, ffi::OsStr, io::IsTerminal as _, sync::OnceLock, time::Duration};

use anyhow::Context as _;
use http::HeaderMap;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    global,
    propagation::{Extractor, Injector, TextMapCompositePropagator},
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_http::HeaderInjector;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::SdkTracerProvider,
};
use serde::Deserialize;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, FilterFn, LevelFilter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{postgres::statement_spans, security_events};

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Pretty,
    /// One JSON object per line, for log collectors.
    Json,
}

/// The settings of logs and traces.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The level or the `tracing` filter of the log, such as `info`, `debug` or `info,sqlx=warn`.
    #[serde(default = "default_level")]
    pub log_level: String,
    #[serde(default)]
    pub log_format: LogFormat,
    /// The OTLP endpoint over gRPC, such as `http://127.0.0.1:4317`. `None` means that traces are not exported; they still have ids.
    pub otel_exporter_otlp_endpoint: Option<String>,
}

fn default_level() -> String {
    "info".to_owned()
}

/// Flushes telemetry when it is dropped, which happens at the end of `main`.
pub struct Telemetry {
    tracer: SdkTracerProvider,
    _upkeep: AbortOnDropHandle<()>,
}

/// How often the samples of histograms are folded into buckets. Until then each sample takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logs, traces and metrics. `service` is the name of the service in traces.
pub fn start(service: &'static str, config: &Config) -> anyhow::Result<Telemetry> {
    global::set_text_map_propagator(propagator());
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
    let exported = config.otel_exporter_otlp_endpoint.is_some();
    let tracer = tracer.build();
    // PostgreSQL's notices, such as those of a migration that has nothing to do, are of no interest.
    let quiet = "sqlx::postgres::notice=warn".parse().context("a log directive")?;
    let filter = EnvFilter::try_new(&config.log_level).context("LOG_LEVEL")?.add_directive(quiet);
    // The audit log does not depend on `LOG_LEVEL`.
    let filter = filter.add_directive(format!("{}=info", security_events::TARGET).parse().context("a log directive")?);
    // Without a level hint, this filter would enable the callsites of all libraries, including those below the configured level.
    let hides_bytes = FilterFn::new(|metadata| !shows_bytes(metadata.target(), *metadata.level()));
    let filter = filter.and(hides_bytes.with_max_level_hint(LevelFilter::TRACE));
    let format = match config.log_format {
        LogFormat::Pretty => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(in_colour(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref()))
            .with_target(false)
            .boxed(),
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
        // If traces are not exported, sqlx does not emit the events from which statement spans are created.
        .with(exported.then(|| statement_spans(tracer.tracer("shipyard"))))
        .with(
            // Source locations, threads and poll times do not help readers of traces, and would add attributes to each span.
            tracing_opentelemetry::layer()
                .with_tracer(tracer.tracer("shipyard"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                // Statement spans find their parent by the active context.
                .with_context_activation(exported)
                .with_filter(
                    FilterFn::new(|metadata| metadata.is_span() && *metadata.level() <= tracing::Level::INFO)
                        .with_max_level_hint(LevelFilter::INFO),
                ),
        )
        .try_init()
        .context("setting up logs")?;
    Ok(Telemetry { tracer, _upkeep: record_metrics()? })
}

/// Returns true for events that contain the bytes of a connection, including headers with sessions and tokens. No `LOG_LEVEL` shows them.
fn shows_bytes(target: &str, level: tracing::Level) -> bool {
    const WIRE: [&str; 8] = ["h2", "hyper", "hyper_util", "redis", "reqwest", "rustls", "tonic", "tower"];
    let library = target.split("::").next().unwrap_or_default();
    level == tracing::Level::TRACE && WIRE.contains(&library)
}

/// Returns true if the log uses colours: only on a terminal, and not if NO_COLOR is set (<https://no-color.org>).
fn in_colour(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Starts to collect the metrics of this process. Samples are folded into buckets until the returned handle is dropped, whether metrics are
/// scraped or not.
fn record_metrics() -> anyhow::Result<AbortOnDropHandle<()>> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()
        .context("setting up metrics")?;
    let _ = METRICS.set(handle.clone());
    let mut ticks = tokio::time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            ticks.tick().await;
            handle.run_upkeep();
        }
    })))
}

/// Returns the metrics of this process in Prometheus' text format.
pub fn render_metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let _ = self.tracer.shutdown_with_timeout(Duration::from_secs(2));
    }
}

/// Creates the propagator for trace headers: W3C trace context and baggage.
pub(crate) fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
}

/// Returns the trace context of the current span as the headers of an event: `traceparent`, `tracestate` and `baggage`, if present.
pub fn trace_context() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    inject(&mut headers);
    headers
}

/// Adds the trace context of the current span to the headers of a call.
pub(crate) fn add_trace_context(headers: &mut HeaderMap) {
    inject(&mut HeaderInjector(headers));
}

fn inject(headers: &mut dyn Injector) {
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, headers));
}

/// Makes `span` a child of the trace context in the headers of a call or an event.
pub fn continue_trace(span: &tracing::Span, headers: &dyn Extractor) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    if context.span().span_context().is_valid() {
        let _ = span.set_parent(context);
    }
}

/// Returns the trace id of `span` as 32 hex digits, or `None` if the span has none.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let id = span.span_context();
    id.is_valid().then(|| id.trace_id().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resident memory of this process in bytes.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[tokio::test(start_paused = true)]
    async fn samples_take_no_more_memory_where_nothing_scrapes_them() {
        // So many samples that the memory that other tests of this process allocate meanwhile is negligible.
        const ROUNDS: usize = 80;
        const SAMPLES: usize = 100_000;
        let _upkeep = record_metrics().unwrap();
        let histogram = metrics::histogram!("example_seconds");
        let before = resident();

        for _ in 0..ROUNDS {
            for _ in 0..SAMPLES {
                histogram.record(0.1);
            }
            tokio::time::sleep(UPKEEP).await;
        }

        let (grown, all) = (resident().saturating_sub(before), ROUNDS * SAMPLES * size_of::<f64>());
        assert!(grown < all / 2, "{grown} bytes more for samples of {all} bytes");
    }

    #[test]
    fn no_level_shows_what_is_on_a_connection() {
        use tracing::Level;

        assert!(shows_bytes("h2::hpack::decoder", Level::TRACE) && shows_bytes("reqwest", Level::TRACE));
        assert!(!shows_bytes("h2::codec", Level::DEBUG) && !shows_bytes("platform::grpc", Level::TRACE));
    }

    #[test]
    fn colour_codes_are_for_terminals_that_want_them() {
        let no_color = OsStr::new("1");

        assert!(in_colour(true, None) && in_colour(true, Some(OsStr::new(""))));
        assert!(!in_colour(true, Some(no_color)) && !in_colour(false, None) && !in_colour(false, Some(no_color)));
    }
}
