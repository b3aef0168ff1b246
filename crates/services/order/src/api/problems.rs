//! The error responses that this service's endpoints share, as the OpenAPI document declares them.

use axum::http::StatusCode;
pub use platform::openapi::Declared;
use platform::openapi::SharedProblems;

pub const SHARED: SharedProblems = SharedProblems {
    anywhere: &[
        (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
        (StatusCode::UNAUTHORIZED, "MISSING_SESSION"),
        (StatusCode::UNAUTHORIZED, "INVALID_SESSION"),
        (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
        (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        (StatusCode::SERVICE_UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
    ],
    // These apply to POST requests only: they have a body and may have an Idempotency-Key.
    posted: &[
        (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
        (StatusCode::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
        (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
    ],
    json: &[(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")],
};
