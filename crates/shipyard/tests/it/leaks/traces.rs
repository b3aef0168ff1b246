//! A collector of traces that keeps every export as it was sent.

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

    pub async fn bodies(&self) -> Vec<Vec<u8>> {
        let requests = self.server.received_requests().await.unwrap_or_default();
        requests.into_iter().map(|request| request.body).collect()
    }
}
