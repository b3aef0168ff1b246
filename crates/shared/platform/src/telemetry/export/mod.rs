//! The export of traces and logs to a collector: bounded in memory and time, and dropped items are counted in
//! `telemetry_dropped_total{signal}`.
//!
//! The SDK's batch processors have their own queues and do not report how many items they dropped. [`Queue`] admits as
//! many items as such a queue holds, so every dropped item is counted.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use metrics::Counter;
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_otlp::{
    Compression, LogExporter as OtlpLogs, RetryPolicy, SpanExporter as OtlpSpans, WithExportConfig as _,
    WithTonicConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{self, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord},
    trace::{self, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

/// How many spans, and log records, may wait for export. A span takes about 1 KiB.
const MAX_QUEUE_SIZE: usize = 8_192;
/// How many spans or log records one request to the collector has at most.
const MAX_BATCH_SIZE: usize = 2_048;
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an item waits for a batch to fill at most.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Creates the processor that exports spans to the OTLP endpoint over gRPC.
pub(super) fn spans(endpoint: &str) -> anyhow::Result<impl SpanProcessor + 'static> {
    let exporter = OtlpSpans::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .with_compression(Compression::Gzip)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok(bounded_spans(exporter, Queue::new("traces")))
}

fn bounded_spans(exporter: impl SpanExporter + 'static, queue: Arc<Queue>) -> Bounded<BatchSpanProcessor> {
    let config = trace::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUE_SIZE)
        .with_max_export_batch_size(MAX_BATCH_SIZE)
        .with_scheduled_delay(EXPORT_INTERVAL)
        .build();
    let exporter = Counted { exporter, queue: queue.clone() };
    Bounded { next: BatchSpanProcessor::builder(exporter).with_batch_config(config).build(), queue }
}

/// Creates the processor that exports log records to the OTLP endpoint over gRPC.
pub(super) fn logs(endpoint: &str) -> anyhow::Result<impl LogProcessor + 'static> {
    let exporter = OtlpLogs::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .with_compression(Compression::Gzip)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let queue = Queue::new("logs");
    let config = logs::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUE_SIZE)
        .with_max_export_batch_size(MAX_BATCH_SIZE)
        .with_scheduled_delay(EXPORT_INTERVAL)
        .build();
    let exporter = Counted { exporter, queue: queue.clone() };
    Ok(Bounded { next: BatchLogProcessor::builder(exporter).with_batch_config(config).build(), queue })
}

pub(super) fn count_from_zero() {
    for signal in ["logs", "traces"] {
        metrics::counter!("telemetry_dropped_total", "signal" => signal).increment(0);
    }
}

/// The items of one signal that wait for export or are being exported.
struct Queue {
    signal: &'static str,
    waiting: AtomicUsize,
    dropped: Counter,
    /// True while exports fail, so that only the start and the end of a failure are logged.
    failing: AtomicBool,
}

impl Queue {
    fn new(signal: &'static str) -> Arc<Self> {
        let dropped = metrics::counter!("telemetry_dropped_total", "signal" => signal);
        Arc::new(Self { signal, waiting: AtomicUsize::new(0), dropped, failing: AtomicBool::new(false) })
    }

    /// Admits an item, or counts it as dropped and returns false if too many wait.
    fn admit(&self) -> bool {
        let free = self.waiting.fetch_add(1, Ordering::Relaxed) < MAX_QUEUE_SIZE;
        if !free {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.increment(1);
        }
        free
    }

    /// Records that `count` items were exported or, after an error, dropped.
    fn leave(&self, count: usize, result: &OTelSdkResult) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        match result {
            Ok(()) if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("export of {} recovered", self.signal);
            }
            Ok(()) => {}
            Err(error) => {
                self.dropped.increment(count as u64);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::info!(%error, "collector unavailable, {} dropped", self.signal);
                }
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal)
    }
}

/// A batch processor behind a [`Queue`].
#[derive(Debug)]
struct Bounded<P> {
    next: P,
    queue: Arc<Queue>,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.admit() {
            self.next.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

impl<P: LogProcessor> LogProcessor for Bounded<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.queue.admit() {
            self.next.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// An exporter that tells its queue which items have left it.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    queue: Arc<Queue>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        self.queue.leave(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        let result = self.exporter.export(batch).await;
        self.queue.leave(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
