//! Tests of the traces that records continue, and of the calls that their handlers make.

use contracts::proto::auth::v1::{ListOwnersRequest, session_owner_service_client::SessionOwnerServiceClient};
use platform::{grpc::Peer, kafka::HEADER_EVENT_TIME, telemetry};
use testkit::Iam;
use tokio::sync::mpsc;
use tonic::Status;

use super::*;
use crate::recording::{TRACE, long_baggage, record, trace_headers};

/// The trace headers of an event that a handler writes, or the error of its call.
type Seen = Result<HashMap<String, String>, Status>;

struct Calls {
    iam: Peer,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Calls {
    fn new(iam: &Iam) -> (Arc<Self>, mpsc::UnboundedReceiver<Seen>) {
        let (seen, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { iam: testkit::peer("iam", iam.address), seen }), receiver)
    }
}

#[async_trait]
impl Handler for Calls {
    async fn handle(&self, _: &Message) -> Result<(), Failure> {
        let mut client = SessionOwnerServiceClient::new(self.iam.clone());
        let called = client.list_owners(ListOwnersRequest::default()).await;
        let _ = self.seen.send(called.map(|_| telemetry::trace_context()));
        Ok(())
    }
}

impl Setup {
    async fn publish_traced(&self, baggage: &str) {
        let (key, mut headers) = (b"1".to_vec(), trace_headers(baggage));
        headers.insert(HEADER_EVENT_TIME.to_owned(), "1970-01-01T00:00:00Z".to_owned());
        self.kafka.publish(vec![Record { topic: self.topic.clone(), key, payload: vec![], headers }]).await;
    }
}

#[tokio::test]
async fn a_record_with_long_trace_headers_is_handled_by_calls_that_arrive() {
    let _recording = record();
    let (setup, iam) = tokio::join!(Setup::new(), testkit::iam());
    let (handler, mut seen) = Calls::new(&iam);
    let (consumer, _) = setup.consume_by(handler);

    setup.publish_traced(&long_baggage()).await;
    let seen = seen.recv().await.unwrap();
    consumer.stop().await;

    let headers = seen.expect("the call arrives");
    assert!(headers["traceparent"].contains(TRACE) && !headers.contains_key("baggage"), "{headers:?}");
}

#[tokio::test]
async fn a_record_of_a_program_outside_begins_a_trace_without_baggage() {
    let _recording = record();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let (setup, iam) = tokio::join!(Setup::new(), testkit::iam());
    let (handler, mut seen) = Calls::new(&iam);
    let (consumer, _) = setup.consumer(handler);
    let consumer = testkit::run(|stop| consumer.from_outside().run(stop));

    setup.publish_traced("k=v").await;
    let seen = seen.recv().await.unwrap();
    consumer.stop().await;

    let headers = seen.expect("the call arrives");
    let parent = &headers["traceparent"];
    assert!(!parent.contains(TRACE) && parent.ends_with("-01"), "{headers:?}");
    assert!(headers["tracestate"].is_empty() && !headers.contains_key("baggage"), "{headers:?}");
    let metrics = recorder.handle().render();
    assert!(metrics.contains("event_age_seconds_count{group=\"notes\"} 0\n"), "{metrics}");
}
