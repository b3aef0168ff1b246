//! The outputs of the log: lines on standard error, in one of tracing-subscriber's formats with the ids of the event's
//! trace and span, and records to a collector.

use std::{ffi::OsStr, io::IsTerminal as _};

use anyhow::{Context as _, anyhow};
use edge::security_events;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use serde::Deserialize;
use tracing::{Event, Subscriber, dispatcher};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, FilterFn, LevelFilter},
    fmt::{self, FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::Filter,
    registry::LookupSpan,
};

use super::Config;

/// The part of a filter that shows the ends of outages, too, which are of the level `info`.
pub const OUTAGES: &str = "base::outage=info,outbox::outage=info";

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people, with the `trace_id` within a span.
    #[default]
    Pretty,
    /// One JSON object per line, with `trace_id` and `span_id` within a span.
    Json,
}

/// The outputs of the log: `stdout`, `otlp` or `stdout,otlp`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct LogOutputs {
    /// Writes lines to standard error, in spite of its name, since commands print their results to standard output.
    pub stdout: bool,
    /// Sends records to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT`. Has no effect if that is not set.
    pub otlp: bool,
}

impl Default for LogOutputs {
    fn default() -> Self {
        Self { stdout: true, otlp: false }
    }
}

impl TryFrom<String> for LogOutputs {
    type Error = String;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        let mut outputs = Self { stdout: false, otlp: false };
        for output in value.split(',') {
            match output.trim() {
                "stdout" => outputs.stdout = true,
                "otlp" => outputs.otlp = true,
                other => return Err(format!("{other:?} is neither stdout nor otlp")),
            }
        }
        Ok(outputs)
    }
}

/// Exporting the log lines of the libraries that the export uses would create further lines.
const EXPORTING: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "opentelemetry",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "reqwest",
    "tonic",
    "tower",
];

pub(super) fn output<S>(config: &Config) -> anyhow::Result<Option<impl Layer<S> + use<S>>>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    if !config.log_outputs.stdout {
        return Ok(None);
    }
    let lines = match config.log_format {
        LogFormat::Pretty => {
            let colour = in_colour(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour).compact();
            // `WithIds` formats into a string of its own, which does not know the layer's choice.
            lines.map_event_format(|format| WithIds { format: format.with_ansi(colour), is_json: false }).boxed()
        }
        LogFormat::Json => {
            let lines = fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).with_span_list(false);
            lines.map_event_format(|format| WithIds { format, is_json: true }).boxed()
        }
    };
    Ok(Some(lines.with_filter(filter(config)?)))
}

/// Creates the layer that exports log records. It omits the fields of spans, which can be found by `trace_id`.
pub(super) fn export<S>(logs: &SdkLoggerProvider, config: &Config) -> anyhow::Result<impl Layer<S> + use<S>>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let others = FilterFn::new(|metadata| !EXPORTING.contains(&library(metadata.target())));
    let filter = filter(config)?.and(others.with_max_level_hint(LevelFilter::TRACE));
    Ok(OpenTelemetryTracingBridge::new(logs).with_filter(filter))
}

fn filter<S: Subscriber>(config: &Config) -> anyhow::Result<impl Filter<S> + use<S>> {
    // Hides PostgreSQL's notices, such as those of a migration that has nothing to do.
    let quiet = "sqlx::postgres::notice=warn".parse().context("a log directive")?;
    let filter = levels(&config.log_level).map_err(|problem| anyhow!("LOG_LEVEL: {problem}"))?.add_directive(quiet);
    // The audit log does not depend on `LOG_LEVEL`.
    let filter = filter.add_directive(format!("{}=info", security_events::TARGET).parse().context("a log directive")?);
    // Without a level hint, this filter would enable the callsites of all libraries, including those below the
    // configured level.
    let hides_bytes = FilterFn::new(|metadata| !shows_bytes(metadata.target(), *metadata.level()));
    Ok(filter.and(hides_bytes.with_max_level_hint(LevelFilter::TRACE)))
}

/// Parses a level, or a filter such as `info,sqlx=warn`. `EnvFilter` would treat any other word as the name of a crate,
/// and log nothing.
fn levels(text: &str) -> Result<EnvFilter, String> {
    let is_level = |part: &str| part.parse::<LevelFilter>().is_ok();
    match text.split(',').map(str::trim).find(|part| !is_level(part) && !part.contains(['=', '['])) {
        Some(part) => Err(format!(
            "{part:?} is not a log level; use error, warn, info, debug, trace or a filter such as info,sqlx=warn"
        )),
        None => EnvFilter::try_new(text).map_err(|error| error.to_string()),
    }
}

fn library(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

/// Returns true for events that contain the bytes of a connection, including headers with sessions and tokens. No
/// `LOG_LEVEL` shows them.
fn shows_bytes(target: &str, level: tracing::Level) -> bool {
    const WIRE: [&str; 8] = ["h2", "hyper", "hyper_util", "redis", "reqwest", "rustls", "tonic", "tower"];
    level == tracing::Level::TRACE && WIRE.contains(&library(target))
}

/// Returns true on a terminal, unless NO_COLOR is set (<https://no-color.org>).
fn in_colour(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Appends the ids to a format's lines, since tracing-subscriber knows no traces: `trace_id` and `span_id` to a JSON
/// object, and only the trace id to a line for people. A response has the trace id in `X-Trace-Id`.
struct WithIds<F> {
    format: F,
    is_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let ids = context.parent_span().and_then(|span| {
            let traced = dispatcher::get_default(|dispatch| get_otel_context(&span.id(), dispatch))?;
            Some(traced.span().span_context().clone()).filter(SpanContext::is_valid)
        });
        let Some(ids) = ids else { return self.format.format_event(context, line, event) };
        let (trace, span) = (ids.trace_id(), ids.span_id());
        let mut text = String::new();
        self.format.format_event(context, Writer::new(&mut text), event)?;
        if self.is_json {
            let object = text.strip_suffix("}\n").ok_or(std::fmt::Error)?;
            writeln!(line, r#"{object},"trace_id":"{trace}","span_id":"{span}"}}"#)
        } else {
            writeln!(line, "{} trace_id={trace}", text.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use base::{
        memory_log::{MemoryLog, subscribe},
        outage::Outage,
    };

    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for well in ["info", "OFF", "info,sqlx=warn", "debug,order[span]=trace", "warn,base::outage=info"] {
            assert!(levels(well).is_ok(), "{well}");
        }
        for (wrong, part) in [("loud", "loud"), ("info,sqlx", "sqlx")] {
            let problem = levels(wrong).unwrap_err();
            assert!(problem.starts_with(&format!("{part:?} is not a log level")), "{problem}");
        }
    }

    #[test]
    fn the_end_of_an_outage_is_shown_among_warnings() {
        let log = MemoryLog::default();
        let (written, filter) = (log.clone(), levels(&format!("warn,{OUTAGES}")).unwrap());
        let subscriber = fmt::fmt().with_env_filter(filter).with_ansi(false).with_writer(move || written.clone());
        let _guard = subscribe(subscriber.finish());
        let mut outage = Outage::new("PostgreSQL", "test");

        outage.met("refused");
        outage.over();
        tracing::info!("another line");

        let text = log.text();
        assert!(text.contains("PostgreSQL recovered") && !text.contains("another line"), "{text}");
    }

    #[test]
    fn no_level_shows_what_is_on_a_connection() {
        use tracing::Level;

        assert!(shows_bytes("h2::hpack::decoder", Level::TRACE) && shows_bytes("reqwest", Level::TRACE));
        assert!(!shows_bytes("h2::codec", Level::DEBUG) && !shows_bytes("edge::grpc", Level::TRACE));
    }
}
