//! The client of a service with an HTTP API of orders: order, and intake.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use contracts::ids::OrderId;
use http_body_util::{BodyExt as _, Full, Limited};
use platform::{grpc::Peer, http::problem::Problem};
use serde_json::Value;
use tonic::body::Body;
use tower::{Service as _, ServiceExt as _};

use super::credential_header;
use crate::{error::Error, model::refusal};

/// The maximum size of a response in bytes. A page of order has up to 4 MiB, one of intake up to 7.
const MAX_RESPONSE_BYTES: usize = 8 << 20;
/// The headers of a response that are passed on to the browser.
const PASSED_ON: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::LOCATION, header::RETRY_AFTER, HeaderName::from_static("idempotency-replayed")];

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Clone)]
pub struct Orders {
    service: &'static str,
    peer: Peer,
}

pub struct ServiceResponse {
    service: &'static str,
    pub status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Orders {
    /// `peer` is a channel to the HTTP API of `service`, without this service's identity.
    pub fn new(service: &'static str, peer: Peer) -> Self {
        Self { service, peer }
    }

    pub fn name(&self) -> &'static str {
        self.service
    }

    /// Sends a request as the user of the session or access token.
    pub async fn send(
        &self,
        session: &str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<ServiceResponse, Error> {
        let unavailable = |error: anyhow::Error| Error::Unavailable(self.service, error);
        let body = Body::new(Full::new(body));
        let request = Request::builder().method(method).uri(path).body(body);
        let mut request = request.map_err(|error| unavailable(error.into()))?;
        *request.headers_mut() = headers;
        let (name, value) = credential_header(session);
        let value = HeaderValue::try_from(value).map_err(|error| unavailable(error.into()))?;
        request.headers_mut().insert(name, value);
        let mut peer = self.peer.clone();
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| unavailable(anyhow::Error::from_boxed(error));
        let response = peer.ready().await.map_err(broken)?.call(request).await.map_err(broken)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.map_err(broken)?.to_bytes();
        Ok(ServiceResponse { service: self.service, status: parts.status, headers: parts.headers, body })
    }

    pub async fn get(&self, session: &str, path: &str) -> Result<ServiceResponse, Error> {
        self.send(session, Method::GET, path, HeaderMap::new(), Bytes::new()).await
    }

    /// Fails with [`Error::OrderNotFound`] unless the user of the session or access token has this order.
    pub async fn check(&self, session: &str, order: OrderId) -> Result<(), Error> {
        let response = self.get(session, &format!("/api/v1/orders/{order}")).await?;
        if response.status.is_success() { Ok(()) } else { Err(response.not_read()) }
    }
}

impl ServiceResponse {
    /// Returns the problem in a response that is a refusal.
    pub fn problem(&self) -> Problem {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default();
        let code = refusal(text("code")).map_or("UNKNOWN", |(code, ..)| code);
        let retry_after = self.headers.get(header::RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let field = json["field"].as_str().map(Into::into);
        Problem { field, retry_after, ..Problem::new(self.status, code, text("message")) }
    }

    /// Returns the error for a refusal to read orders.
    pub fn not_read(&self) -> Error {
        match self.status {
            StatusCode::NOT_FOUND => Error::OrderNotFound,
            // The session has ended since it was checked, or the user has too many requests in flight.
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Error::Refused(Box::new(self.problem())),
            status => Error::Unavailable(self.service, anyhow::anyhow!("it responded {status}")),
        }
    }

    /// Returns the size of the body, in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Returns the body, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl IntoResponse for ServiceResponse {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        for name in PASSED_ON {
            match self.headers.get(&name) {
                Some(value) => response.headers_mut().insert(name, value.clone()),
                None => response.headers_mut().remove(name),
            };
        }
        response
    }
}
