//! RFC 9457 problem details: `application/problem+json` with a stable `code` and a `message`, also for unknown paths
//! and methods and for error responses of the framework.

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::{error_chain, outage::refused};
use serde::Serialize;
use utoipa::ToSchema;

use crate::invalid::{InvalidField, InvalidFields};

/// The body of every response that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status and `code` say what kind of problem this is.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: ProblemType,
    /// The status' standard phrase.
    pub title: &'static str,
    pub status: u16,
    /// What is particular to this occurrence.
    pub detail: String,
    /// For programs: stable, upper case.
    pub code: &'static str,
    /// For people: the same as `detail`.
    pub message: String,
    /// The member, parameter or header that is wrong, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// Every invalid field of a request that cannot be read, at most 20. `field` and `message` are about the first.
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(value_type = Vec<InvalidField>, max_items = 20)]
    pub errors: Box<[InvalidField]>,
    /// Seconds for the header `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u16>,
}

/// The type of every problem (RFC 9457, section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ProblemType {
    #[serde(rename = "about:blank")]
    AboutBlank,
}

fn is_empty(errors: &[InvalidField]) -> bool {
    errors.is_empty()
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: ProblemType::AboutBlank,
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: message.clone(),
            code,
            message,
            field: None,
            errors: Box::default(),
            retry_after: None,
        }
    }

    /// Creates a 400 INVALID_REQUEST about one member, parameter or header.
    pub fn invalid(field: impl Into<Box<str>>, problem: impl std::fmt::Display) -> Self {
        InvalidField::invalid(field, problem).into()
    }

    /// Creates a 403 FORBIDDEN, since the caller lacks a role.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Creates a 500 INTERNAL. Only the log contains the cause.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "internal error")
    }

    /// Creates a 503 DEPENDENCY_UNAVAILABLE. The caller may retry after a second.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message);
        problem.retry_after = Some(1);
        problem
    }

    /// Logs the failure of a request, and creates a 500 INTERNAL.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        tracing::error!(error = error_chain(error), "request failed");
        Self::internal()
    }

    /// Logs that a dependency is unavailable, and creates a 503 DEPENDENCY_UNAVAILABLE.
    #[track_caller]
    pub fn of_outage(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        refused("dependency unavailable", format!("{error:#}"));
        Self::unavailable(error.to_string())
    }

    /// Creates a 429 TOO_MANY_REQUESTS. The caller may retry after a second.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message);
        problem.retry_after = Some(1);
        problem
    }

    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl From<InvalidField> for Problem {
    fn from(field: InvalidField) -> Self {
        InvalidFields::from_iter([field]).into()
    }
}

/// A 400 INVALID_REQUEST that lists all invalid fields. Its message describes the first.
impl From<InvalidFields> for Problem {
    fn from(fields: InvalidFields) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", fields.to_string());
        problem.errors = fields.into();
        problem.field = problem.errors.first().map(|first| first.field.clone());
        problem
    }
}

pub const MEDIA_TYPE: &str = "application/problem+json";

/// The response also carries the problem itself, for middleware that adds to it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The maximum number of characters of a path that the error response contains. It is longer than any valid path.
const MAX_PATH_CHARACTERS: usize = 128;
/// The maximum number of characters of a method that the error response contains. A caller may send any token as a
/// method.
const MAX_METHOD_CHARACTERS: usize = 16;

/// Responds 404 to a path without a route.
pub async fn not_found(uri: Uri) -> Problem {
    let path = shown(uri.path(), MAX_PATH_CHARACTERS);
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{path} not found"))
}

/// Responds 405 to a method that the route does not have.
pub async fn method_not_allowed(method: Method) -> Problem {
    let method = shown(method.as_str(), MAX_METHOD_CHARACTERS);
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("{method} is not allowed here"))
}

/// Returns the first `limit` characters of a caller's text, escaped so that no log, terminal or page interprets them.
fn shown(text: &str, limit: usize) -> String {
    let mut escaped = text.chars().flat_map(char::escape_default);
    let mut shown: String = escaped.by_ref().take(limit).collect();
    if escaped.next().is_some() {
        shown.push('…');
    }
    shown
}
