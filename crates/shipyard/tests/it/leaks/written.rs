//! Everything that a run wrote, and the search for secrets in it.

use std::{collections::BTreeSet, time::Duration};

use platform::server::service::Service;
use tonic::Status;

use crate::{customer::Response, system::System};

/// A leak shows at most this many bytes of the line.
const MAX_SHOWN_BYTES: usize = 400;

/// Texts that must not be written, each with its kind.
#[derive(Default)]
pub struct Secrets(Vec<(&'static str, String)>);

/// Everything that the run wrote, by source.
#[derive(Default)]
pub struct Written(Vec<(String, String)>);

impl Secrets {
    /// Adds a secret and returns it.
    pub fn add(&mut self, what: &'static str, text: impl Into<String>) -> String {
        let text = text.into();
        self.0.push((what, text.clone()));
        text
    }
}

impl Written {
    pub fn add(&mut self, source: &str, bytes: &[u8]) {
        self.0.push((source.to_owned(), String::from_utf8_lossy(bytes).into_owned()));
    }

    /// Records the error of a call that must fail.
    pub fn refused<T>(&mut self, call: &str, outcome: Result<T, Status>) {
        let status = outcome.err().unwrap_or_else(|| panic!("{call} is refused"));
        self.add(&format!("error of {call}"), format!("{status:?}").as_bytes());
    }

    /// Records a problem of an HTTP response.
    pub fn problem(&mut self, response: &Response) {
        assert!(response.status.is_client_error() || response.status.is_server_error(), "{response:?}");
        self.add("response", format!("{:?} {}", response.headers, response.text).as_bytes());
    }

    pub async fn metrics(&mut self, system: &System, service: &Service) {
        let address = system.variable(&service.variable("ADMIN_LISTEN"));
        let http = platform::http::client(Duration::from_secs(5)).unwrap();
        let response = http.get(format!("http://{address}/metrics")).send().await.unwrap();
        self.add(&format!("metrics of {service}"), response.text().await.unwrap().as_bytes());
    }

    pub fn mentions(&self, source: &str, text: &str) -> bool {
        self.0.iter().any(|(name, content)| name.starts_with(source) && content.contains(text))
    }

    pub fn sources(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(source, _)| source.as_str()).collect()
    }

    /// One line for each secret in each written line.
    pub fn leaks(&self, secrets: &Secrets) -> Vec<String> {
        let mut leaks = Vec::new();
        for (source, content) in &self.0 {
            for line in content.lines() {
                for (what, _) in secrets.0.iter().filter(|(_, text)| line.contains(text)) {
                    let shown = &line[..line.floor_char_boundary(MAX_SHOWN_BYTES)];
                    leaks.push(format!("{source}: {what}: {shown}"));
                }
            }
        }
        leaks
    }
}
