//! A collector that stores every export of spans and log records as sent, and decodes it.

use std::{io::Read as _, net::SocketAddr};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value::Value,
    resource::v1::Resource,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// The exported signals, each with its path.
const SIGNALS: [(&str, &str); 2] = [
    ("trace", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    ("log record", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
];

pub struct Collector {
    server: MockServer,
}

#[derive(Clone, Debug)]
pub struct Span {
    pub service: String,
    pub name: String,
    /// The trace as 32 hexadecimal digits.
    pub trace: String,
    pub id: Vec<u8>,
    /// Empty for the first span of a trace.
    pub parent: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub service: String,
    pub text: String,
    /// The trace as 32 hexadecimal digits; empty for a line outside of spans.
    pub trace: String,
}

impl Collector {
    /// Accepts every OTLP export over gRPC.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        // An empty, uncompressed gRPC message.
        let accepted =
            ResponseTemplate::new(200).set_body_raw([0; 5], "application/grpc").insert_header("grpc-status", "0");
        Mock::given(any()).respond_with(accepted).mount(&server).await;
        Self { server }
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    pub fn address(&self) -> SocketAddr {
        *self.server.address()
    }

    /// The exports so far, decompressed, each with the name of its signal.
    pub async fn bodies(&self) -> Vec<(&'static str, Vec<u8>)> {
        let requests = self.server.received_requests().await.unwrap_or_default();
        let body = |request: wiremock::Request| {
            let (signal, _) = SIGNALS.iter().find(|(_, path)| request.url.path() == *path)?;
            Some((*signal, message(&request.body)))
        };
        requests.into_iter().filter_map(body).collect()
    }

    async fn exports<T: prost::Message + Default>(&self, signal: &str) -> Vec<T> {
        let bodies = self.bodies().await;
        bodies.into_iter().filter(|(of, _)| *of == signal).map(|(_, body)| T::decode(&*body).unwrap()).collect()
    }

    pub async fn spans(&self) -> Vec<Span> {
        let exports = self.exports::<ExportTraceServiceRequest>("trace").await;
        let of_service = exports.into_iter().flat_map(|export| export.resource_spans).flat_map(|all| {
            let service = service(all.resource.as_ref());
            let spans = all.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| (service.clone(), span))
        });
        let shown = of_service.map(|(service, span)| Span {
            service,
            trace: trace(&span.trace_id),
            name: span.name,
            id: span.span_id,
            parent: span.parent_span_id,
        });
        shown.collect()
    }

    pub async fn lines(&self) -> Vec<Line> {
        let exports = self.exports::<ExportLogsServiceRequest>("log record").await;
        let of_service = exports.into_iter().flat_map(|export| export.resource_logs).flat_map(|all| {
            let service = service(all.resource.as_ref());
            let records = all.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            records.map(move |record| (service.clone(), record))
        });
        let shown = of_service.map(|(service, record)| Line {
            service,
            trace: trace(&record.trace_id),
            text: text(record.body.and_then(|body| body.value)),
        });
        shown.collect()
    }
}

fn service(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    let name = attributes.iter().find(|attribute| attribute.key == "service.name");
    text(name.and_then(|name| name.value.clone()?.value))
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        _ => String::new(),
    }
}

/// An empty text if there is no trace.
fn trace(bytes: &[u8]) -> String {
    bytes.try_into().map(u128::from_be_bytes).map(|id| format!("{id:032x}")).unwrap_or_default()
}

/// The message of a gRPC request, which is compressed with gzip if its first byte is 1.
fn message(body: &[u8]) -> Vec<u8> {
    let (head, message) = body.split_at(5);
    if head[0] == 0 {
        return message.to_vec();
    }
    let mut plain = Vec::new();
    GzDecoder::new(message).read_to_end(&mut plain).unwrap();
    plain
}
