//! JSON bodies of HTTP requests: an error names the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A request's body as a JSON object. The rejection is a problem that names the field.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        parse(&headers, &body).map(Self)
    }
}

/// The body as JSON, which must be an object and be declared as JSON.
pub fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must be application/json",
        ));
    }
    // serde would take an array for a struct, member by member.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid("body", "is not a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let text = error.to_string();
        let field = match path.as_str() {
            "." => missing(&text).unwrap_or("body"),
            path if error.is_data() => path,
            _ => "body",
        };
        Problem::invalid(field, error)
    })?;
    json.end().map_err(|error| Problem::invalid("body", error))?;
    Ok(value)
}

/// The field that serde reports as missing.
fn missing(error: &str) -> Option<&str> {
    error.strip_prefix("missing field `")?.split('`').next()
}

/// The problem of a body that could not be read.
pub fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "the body is larger than 64 KiB")
    } else {
        Problem::invalid("body", rejection.body_text())
    }
}
