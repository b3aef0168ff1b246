//! The HTTP response of a service under test.

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

pub struct HttpResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl HttpResponse {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the status and the code of a problem.
    pub fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// Sends a request. Panics if there is no response.
pub async fn fetch(request: RequestBuilder) -> HttpResponse {
    let response = request.send().await.expect("the service responds");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    HttpResponse { status, headers, text: response.text().await.unwrap_or_default() }
}
