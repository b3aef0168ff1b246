//! The HTTP problems that refusals and failures become.

use axum::http::StatusCode;
use platform::{error_chain, grpc, http::problem::Problem, invalid::InvalidFields};
use tonic::{Code, Status};

use crate::error::Error;

/// Returns the problem of a use case's error. A failure of the database is logged.
pub fn of_error(error: Error) -> Problem {
    match error {
        Error::OrderNotFound => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", error.to_string()),
        Error::TooManyStreams => Problem::unavailable(error.to_string()),
        // An operator sees the cause, too.
        Error::NotRead(..) => {
            let message = error_chain(error);
            tracing::warn!(error = message, "operator view unavailable");
            Problem::unavailable(message)
        }
        Error::NoReceipt(_) | Error::Unavailable(..) => {
            let message = error.to_string();
            tracing::warn!(error = error_chain(error), "dependency unavailable");
            Problem::unavailable(message)
        }
        Error::Database(error) => {
            tracing::error!(error = error_chain(error), "database failed");
            Problem::unavailable("the database is unavailable")
        }
    }
}

/// Returns the problem of another service's refusal.
pub fn of_status(service: &'static str, status: &Status) -> Problem {
    let message = status.message();
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => match InvalidFields::in_status(status) {
            fields if fields.as_slice().is_empty() => Problem::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message),
            fields => fields.into(),
        },
        Code::Unauthenticated => Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed"),
        Code::PermissionDenied => Problem::forbidden(message),
        Code::NotFound => Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", message),
        Code::AlreadyExists => Problem::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message),
        Code::FailedPrecondition | Code::Aborted => Problem::new(StatusCode::CONFLICT, "CONFLICT", message),
        Code::ResourceExhausted => Problem::too_many_requests(message),
        code => {
            if !grpc::is_transient(status) {
                tracing::error!(service, ?code, message, "dependency failed");
            }
            Problem::unavailable(format!("{service} is unavailable"))
        }
    }
}
