//! Tests of the traces that records continue.

use platform::{kafka::HEADER_EVENT_TIME, telemetry};
use tokio::sync::mpsc;

use super::*;
use crate::recording::{TRACE, record, trace_headers};

/// A handler that sends the trace headers of an event that it writes to the test.
struct Traces(mpsc::UnboundedSender<HashMap<String, String>>);

#[async_trait]
impl Handler for Traces {
    async fn handle(&self, _: &Message) -> Result<(), Failure> {
        let _ = self.0.send(telemetry::trace_context());
        Ok(())
    }
}

#[tokio::test]
async fn a_record_of_a_program_outside_begins_a_trace_without_baggage() {
    let _recording = record();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let (setup, (sender, mut seen)) = (Setup::new().await, mpsc::unbounded_channel());
    let (consumer, _) = setup.consumer(Arc::new(Traces(sender)));
    let consumer = testkit::run(|stop| consumer.from_outside().run(stop));

    let (key, mut headers) = (b"1".to_vec(), trace_headers("k=v"));
    headers.insert(HEADER_EVENT_TIME.to_owned(), "1970-01-01T00:00:00Z".to_owned());
    setup.kafka.publish(vec![Record { topic: setup.topic.clone(), key, payload: vec![], headers }]).await;
    let headers = seen.recv().await.unwrap();
    consumer.stop().await;

    let parent = &headers["traceparent"];
    assert!(!parent.contains(TRACE) && parent.ends_with("-01"), "{headers:?}");
    assert!(headers["tracestate"].is_empty() && !headers.contains_key("baggage"), "{headers:?}");
    let metrics = recorder.handle().render();
    assert!(metrics.contains("event_age_seconds_count{group=\"notes\"} 0\n"), "{metrics}");
}
