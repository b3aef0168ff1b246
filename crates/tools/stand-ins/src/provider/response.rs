//! Responses, and what delays them.

use std::{future::ready, time::Duration};

use axum::{
    Json,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The delay of a silent response: longer than any client waits.
const SILENT_FOR: Duration = Duration::from_mins(10);

#[derive(Clone)]
pub(super) struct StripeResponse {
    status: StatusCode,
    body: Option<Value>,
    /// True for a response replayed from its key.
    replayed: bool,
    /// True if the connection is closed instead of responding.
    lost: bool,
}

/// The condition for which a response waits.
pub(super) enum Hold {
    Nothing,
    Silence,
    /// Wait until the sender is dropped.
    Gate(watch::Receiver<()>),
}

impl StripeResponse {
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), replayed: false, lost: false }
    }

    pub fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: None, replayed: false, lost: false }
    }

    /// Closes the connection instead of responding.
    pub fn lost() -> Self {
        Self { lost: true, ..Self::empty(200) }
    }

    pub fn declined(code: &str) -> Self {
        Self::error(StatusCode::PAYMENT_REQUIRED, &error_of("card_error", "card_declined", Some(code)))
    }

    /// Returns the error response to an invalid request.
    pub fn invalid(code: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, &error_of("invalid_request_error", code, None))
    }

    pub fn missing() -> Self {
        Self::error(StatusCode::NOT_FOUND, &error_of("invalid_request_error", "resource_missing", None))
    }

    /// Returns the error response to a key that another request used before.
    pub fn reused() -> Self {
        Self::error(StatusCode::BAD_REQUEST, &json!({ "type": "idempotency_error", "message": "another request" }))
    }

    pub fn again(self) -> Self {
        Self { replayed: true, ..self }
    }

    fn error(status: StatusCode, error: &Value) -> Self {
        Self { status, body: Some(json!({ "error": error })), replayed: false, lost: false }
    }
}

impl IntoResponse for StripeResponse {
    fn into_response(self) -> Response {
        if self.lost {
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Body::from_stream(stream::once(ready(Err::<String, _>(broken)))).into_response();
        }
        let replayed = self.replayed.then_some([("Idempotent-Replayed", "true")]);
        let body = self.body.map_or_else(|| ().into_response(), |body| Json(body).into_response());
        (self.status, replayed, body).into_response()
    }
}

impl Hold {
    /// Waits until the response may be sent.
    pub async fn over(self) {
        match self {
            Self::Nothing => {}
            Self::Silence => tokio::time::sleep(SILENT_FOR).await,
            Self::Gate(mut gate) => while gate.changed().await.is_ok() {},
        }
    }
}

pub(super) fn error_of(kind: &str, code: &str, decline_code: Option<&str>) -> Value {
    json!({ "type": kind, "code": code, "decline_code": decline_code, "message": "as it is" })
}
