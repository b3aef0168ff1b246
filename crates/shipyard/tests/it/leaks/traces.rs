//! A collector of traces that keeps every export as it was sent.

use std::io::Read as _;

use flate2::read::GzDecoder;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

pub struct Traces {
    server: MockServer,
}

impl Traces {
    /// Accepts every OTLP export over gRPC.
    pub async fn collect() -> Self {
        let server = MockServer::start().await;
        // The body is an empty, uncompressed gRPC message.
        let accepted =
            ResponseTemplate::new(200).set_body_raw([0; 5], "application/grpc").insert_header("grpc-status", "0");
        Mock::given(any()).respond_with(accepted).mount(&server).await;
        Self { server }
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Returns what was exported, decompressed.
    pub async fn bodies(&self) -> Vec<Vec<u8>> {
        let requests = self.server.received_requests().await.unwrap_or_default();
        requests.into_iter().map(|request| message(&request.body)).collect()
    }
}

/// Returns the message of a gRPC request, which is compressed with gzip if its first byte is 1.
fn message(body: &[u8]) -> Vec<u8> {
    let (head, message) = body.split_at(5);
    if head[0] == 0 {
        return message.to_vec();
    }
    let mut plain = Vec::new();
    GzDecoder::new(message).read_to_end(&mut plain).unwrap();
    plain
}
