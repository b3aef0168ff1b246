//! Maps refusals and failures to HTTP problems.

use axum::http::StatusCode;
use platform::{error_chain, grpc, http::problem::Problem, invalid::InvalidFields, outage::refused};
use tonic::{Code, Status};

use crate::error::Error;

/// Converts a use case's error to a problem, and logs failures.
pub fn of_error(error: Error) -> Problem {
    match error {
        Error::OrderNotFound => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", error.to_string()),
        Error::TooManyStreams => Problem::unavailable(error.to_string()),
        Error::Refused(problem) => *problem,
        Error::Unavailable(..) => Problem::of_outage(error),
        Error::Database(error) => {
            tracing::error!(error = error_chain(error), "database failed");
            Problem::unavailable("the database is unavailable")
        }
    }
}

/// Converts another service's refusal or failure to a problem.
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
        Code::FailedPrecondition if grpc::reason(status) == Some("SELF_DEALING") => {
            Problem::new(StatusCode::CONFLICT, "SELF_DEALING", message)
        }
        Code::FailedPrecondition | Code::Aborted => Problem::new(StatusCode::CONFLICT, "CONFLICT", message),
        Code::ResourceExhausted => Problem::too_many_requests(message),
        code => {
            match code {
                // The circuit breaker has logged the outage when it opened.
                Code::Unavailable if grpc::is_refused(status) => {}
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
                    refused("dependency unavailable", format!("{service}: {code:?}: {message}"));
                }
                _ => tracing::error!(service, ?code, message, "dependency failed"),
            }
            Problem::unavailable(format!("{service} is unavailable"))
        }
    }
}

/// Converts operations' refusal or failure to a problem.
pub fn of_operations(status: &Status) -> Problem {
    of_status("operations", status)
}

/// Converts operations' refusal or failure to make a receipt to a problem.
pub fn no_receipt(status: &Status) -> Problem {
    instead("the receipt cannot be made now", of_operations(status))
}

/// Converts operations' refusal or failure to read data for an operator to a problem. The operator sees the cause, too.
pub fn not_read(what: &str, status: &Status) -> Problem {
    instead(format!("{what} cannot be read now: {}", status.message()), of_operations(status))
}

/// Replaces the message of a problem that is a failure.
fn instead(message: impl Into<String>, problem: Problem) -> Problem {
    if problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() { Problem::unavailable(message) } else { problem }
}
