//! The export of traces and logs to a collector by the SDK's batch processors, which bound memory and time.
//!
//! A processor does not report how many items it drops. [`Queue`] admits as many items as the processor's own queue
//! holds, so the processor drops none, and each dropped item is counted in `telemetry_dropped_total{signal}`.

use std::{
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
    Compression, LogExporter as OtlpLogs, RetryPolicy, SpanExporter as OtlpSpans, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{self, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord},
    trace::{self, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

/// How many spans, and log records, may wait for export. A span takes about 1 KiB.
const MAX_QUEUE_SIZE: usize = 8_192;
/// The maximum number of spans or log records in one request to the collector.
const MAX_BATCH_SIZE: usize = 2_048;
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an item may wait for a batch to fill.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Creates the processor that exports spans to the OTLP endpoint over gRPC.
pub(super) fn spans(endpoint: &str) -> anyhow::Result<impl SpanProcessor + 'static> {
    let exporter = configure(OtlpSpans::builder().with_tonic(), endpoint).build();
    Ok(counted_spans(exporter.context("OTEL_EXPORTER_OTLP_ENDPOINT")?, Queue::new("traces")))
}

fn counted_spans(exporter: impl SpanExporter + 'static, queue: Arc<Queue>) -> Counted<BatchSpanProcessor> {
    let config = trace::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUE_SIZE)
        .with_max_export_batch_size(MAX_BATCH_SIZE)
        .with_scheduled_delay(EXPORT_INTERVAL)
        .build();
    let exporter = Counted { next: exporter, queue: queue.clone() };
    Counted { next: BatchSpanProcessor::new(exporter, config), queue }
}

/// Creates the processor that exports log records to the OTLP endpoint over gRPC.
pub(super) fn logs(endpoint: &str) -> anyhow::Result<impl LogProcessor + 'static> {
    let exporter = configure(OtlpLogs::builder().with_tonic(), endpoint).build();
    let queue = Queue::new("logs");
    let exporter = Counted { next: exporter.context("OTEL_EXPORTER_OTLP_ENDPOINT")?, queue: queue.clone() };
    let config = logs::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUE_SIZE)
        .with_max_export_batch_size(MAX_BATCH_SIZE)
        .with_scheduled_delay(EXPORT_INTERVAL)
        .build();
    Ok(Counted { next: BatchLogProcessor::builder(exporter).with_batch_config(config).build(), queue })
}

fn configure<B: WithExportConfig + WithTonicConfig>(exporter: B, endpoint: &str) -> B {
    // A retry would hold up what waits.
    let exporter = exporter.with_compression(Compression::Gzip).with_retry_policy(RetryPolicy::disabled());
    exporter.with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT)
}

pub(super) fn count_from_zero() {
    for signal in ["logs", "traces"] {
        metrics::counter!("telemetry_dropped_total", "signal" => signal).increment(0);
    }
}

/// The items of one signal that wait for export or are being exported.
#[derive(Debug)]
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
        let failed = result.is_err();
        let was_failing = self.failing.swap(failed, Ordering::Relaxed);
        if let Err(error) = result {
            self.dropped.increment(count as u64);
            if !was_failing {
                tracing::info!(%error, "collector unavailable, {} dropped", self.signal);
            }
        } else if was_failing {
            tracing::info!("export of {} recovered", self.signal);
        }
    }
}

/// A batch processor, to which a [`Queue`] admits the items, or its exporter, after whose export they leave the queue.
/// The processor drops its exporter at shutdown, so only the processor passes the shutdown on.
#[derive(Debug)]
struct Counted<T> {
    next: T,
    queue: Arc<Queue>,
}

impl<P: SpanProcessor> SpanProcessor for Counted<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.queue.admit() {
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

impl<P: LogProcessor> LogProcessor for Counted<P> {
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

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.next.export(batch).await;
        self.queue.leave(count, &result);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        let result = self.next.export(batch).await;
        self.queue.leave(count, &result);
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
