//! The APIs of a running shop: HTTP to order, gRPC to iam and inventory.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use contracts::proto::{
    auth::v1::auth_service_client::AuthServiceClient, inventory::v1::inventory_service_client::InventoryServiceClient,
    user::v1::user_service_client::UserServiceClient,
};
use reqwest::{
    Method, Url,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::Value;
use tonic::{Code, Request, Response, Status, metadata::MetadataValue, transport::Channel};

use crate::{
    response::{HttpResponse, forbid_error},
    trust::Trust,
};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Shop {
    order: String,
    http: reqwest::Client,
    iam: Channel,
    inventory: Channel,
}

impl Shop {
    /// Creates the client of a shop at these addresses, which [`Trust::url`] completes. It connects lazily.
    pub fn at(trust: &Trust, order: &str, iam: &str, inventory: &str) -> anyhow::Result<Self> {
        Ok(Self {
            order: trust.url(order)?.to_string().trim_end_matches('/').to_owned(),
            http: trust.http().timeout(REQUEST_TIMEOUT).build().context("making an HTTP client")?,
            iam: trust.channel(iam, REQUEST_TIMEOUT)?,
            inventory: trust.channel(inventory, REQUEST_TIMEOUT)?,
        })
    }

    /// Replaces the client for requests to order.
    #[must_use]
    pub fn through(self, http: reqwest::Client) -> Self {
        Self { http, ..self }
    }

    pub fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.iam.clone())
    }

    pub fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.iam.clone())
    }

    pub fn inventory(&self) -> InventoryServiceClient<Channel> {
        InventoryServiceClient::new(self.inventory.clone())
    }

    /// Returns the console's address, to which order redirects browsers; `None` if it does not.
    pub async fn console(&self) -> Option<Url> {
        let response = self.http.get(&self.order).header(ACCEPT, "text/html").send().await.ok()?;
        // Without a session, this page is the log-in page, with status 401.
        let is_page = response.headers().get(CONTENT_TYPE)?.as_bytes().starts_with(b"text/html");
        (is_page && response.url().path().starts_with("/console/")).then(|| response.url().clone())
    }

    /// Sends a request to order. `path` starts at the root of its API.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<HttpResponse> {
        self.ask_under(None, method, path, session, body).await
    }

    /// Sends a request, with an Idempotency-Key if there is one, so that it may be retried.
    pub async fn ask_under(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<HttpResponse> {
        let url = format!("{}{path}", self.order);
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, &url);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(session) = session {
            request = request.header("X-Session-Uuid", session);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.with_context(|| {
            format!("order does not answer at {url}; is a shop running? `cargo run` or `shipyard up` starts one")
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(HttpResponse { asked, status, headers, text: response.text().await? })
    }
}

/// Creates a request with a message and a session.
pub fn within<T>(session: &str, message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("session-uuid", MetadataValue::try_from(session)?);
    Ok(request)
}

/// Returns the message of a successful call; fails for a failed call.
pub fn success<T: std::fmt::Debug>(rpc: &str, response: Result<Response<T>, Status>) -> anyhow::Result<T> {
    match response {
        Ok(response) => {
            let message = response.into_inner();
            forbid_error(&format!("{message:?}"))?;
            Ok(message)
        }
        Err(status) => bail!("{rpc} answered {:?}: {}", status.code(), status.message()),
    }
}

/// Checks that a call failed with this code, and with this text unless it is empty.
pub fn refused<T>(rpc: &str, response: Result<T, Status>, code: Code, text: &str) -> anyhow::Result<()> {
    let Err(status) = response else { bail!("{rpc} succeeded and should have answered {code:?}") };
    ensure!(status.code() == code, "{rpc} answered {:?} ({}), not {code:?}", status.code(), status.message());
    ensure!(text.is_empty() || status.message() == text, "{rpc} answered `{}`, not `{text}`", status.message());
    Ok(())
}
