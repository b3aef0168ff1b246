//! A checker over HTTP. Errors and logs contain neither requests nor responses, since both contain personal data.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use platform::{deadline, error_chain, http::read_body};
use reqwest::{Client, Url, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::json;

use super::{CheckRequest, Checker, Unknown};
use crate::model::{Verdict, Words};

const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// Limits one request. The lease of the check may end the request earlier.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct HttpChecker {
    client: Client,
    url: Url,
}

#[derive(Deserialize)]
struct CheckResponse {
    outcome: Outcome,
    reason: Option<String>,
}

#[derive(Deserialize)]
enum Outcome {
    #[serde(rename = "APPROVED")]
    Approved,
    #[serde(rename = "REFUSED")]
    Refused,
}

impl HttpChecker {
    pub fn new(url: Url) -> anyhow::Result<Self> {
        let client = platform::http::outside_client_builder()
            .connect_timeout(Duration::from_secs(1))
            .build()
            .context("making an HTTP client for the checker of identities")?;
        Ok(Self { client, url })
    }
}

#[async_trait]
impl Checker for HttpChecker {
    async fn ask(&self, check: &CheckRequest) -> Result<Verdict, Unknown> {
        let profile = &check.profile;
        let body = json!({
            "key": check.key,
            "name": profile.name,
            "birth_date": profile.birth_date.to_string(),
            "address": profile.address,
        });
        let request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_string());
        let lost = |error: reqwest::Error| Unknown(error_chain(error.without_url()));
        let response = request.timeout(deadline::remaining(REQUEST_TIMEOUT)).send().await.map_err(lost)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Unknown(format!("it responded with {status}")));
        }
        let body = read_body(response, MAX_RESPONSE_BYTES)
            .await
            .map_err(|_| Unknown("its response was cut off".to_owned()))?;
        let response: CheckResponse = serde_json::from_slice(&body)
            .map_err(|_| Unknown("its response is not {\"outcome\": \"APPROVED\" or \"REFUSED\"}".to_owned()))?;
        Ok(match response.outcome {
            Outcome::Approved => Verdict::Approved,
            Outcome::Refused => Verdict::Refused(response.reason.as_deref().and_then(Words::fitting)),
        })
    }
}
