//! Tests of the bounds of exporting, with a collector that hangs or refuses.

use std::{
    future,
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_sdk::{error::OTelSdkError, trace::SdkTracerProvider};

use super::*;

/// A collector that reports how many spans it received, and responds when the test allows it.
#[derive(Debug)]
struct Collector {
    sent: Sender<usize>,
    responses: Mutex<Receiver<OTelSdkResult>>,
}

impl SpanExporter for Collector {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.sent.send(batch.len()).unwrap();
        // The batch processor exports on its own thread, which may block.
        future::ready(self.responses.lock().unwrap().recv().unwrap_or(Ok(())))
    }
}

struct Setup {
    traces: SdkTracerProvider,
    sent: Receiver<usize>,
    response: Sender<OTelSdkResult>,
    metrics: PrometheusHandle,
}

impl Setup {
    fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let queue = metrics::with_local_recorder(&recorder, || Queue::new("traces"));
        let ((sending, sent), (response, responses)) = (channel(), channel());
        let collector = Collector { sent: sending, responses: Mutex::new(responses) };
        let traces = SdkTracerProvider::builder().with_span_processor(counted_spans(collector, queue)).build();
        Self { traces, sent, response, metrics }
    }

    fn record(&self, spans: usize) {
        let tracer = self.traces.tracer("test");
        for _ in 0..spans {
            drop(tracer.start("span"));
        }
    }

    fn dropped(&self) -> usize {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.starts_with("telemetry_dropped_total{signal=\"traces\"}"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

#[test]
fn a_collector_that_hangs_holds_up_a_bounded_number_of_spans_and_the_rest_is_counted() {
    let setup = Setup::new();
    setup.record(MAX_BATCH_SIZE);
    let held = setup.sent.recv().unwrap();

    setup.record(MAX_QUEUE_SIZE);

    assert_eq!(setup.dropped(), MAX_BATCH_SIZE, "those that it holds wait, too");
    drop(setup.response);
    setup.traces.force_flush().unwrap();
    let sent: usize = setup.sent.try_iter().sum();
    assert_eq!(held + sent, MAX_QUEUE_SIZE);
}

#[test]
fn what_a_collector_refuses_is_counted_and_makes_room() {
    let setup = Setup::new();
    // An export may begin before a batch is full, so there may be more exports than batches.
    for _ in 0..MAX_QUEUE_SIZE {
        setup.response.send(Err(OTelSdkError::InternalFailure("refused".to_owned()))).unwrap();
    }

    for _ in 0..2 {
        setup.record(MAX_QUEUE_SIZE);
        let _ = setup.traces.force_flush();
    }

    assert_eq!(setup.dropped(), 2 * MAX_QUEUE_SIZE);
}
