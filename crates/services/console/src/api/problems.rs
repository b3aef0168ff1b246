//! The HTTP problems that refusals and failures become.

use axum::http::StatusCode;
use platform::{grpc, http::problem::Problem, invalid::InvalidFields};
use tonic::{Code, Status};

use crate::error::Error;

/// Returns the problem of a use case's error. A failure of the database is logged.
pub fn of_error(error: Error) -> Problem {
    match error {
        Error::OrderNotFound => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", "order not found"),
        Error::TooManyStreams => Problem::unavailable("all event streams are in use; try again later"),
        Error::NoReceipt(error) => {
            tracing::warn!(error = format!("{error:#}"), "a receipt could not be made");
            Problem::unavailable("the receipt cannot be made now")
        }
        Error::NotRead(what, error) => {
            tracing::warn!(what, error = format!("{error:#}"), "an operator's view could not be read");
            Problem::unavailable(format!("{what} cannot be read now: {error:#}"))
        }
        Error::Unavailable(service, error) => {
            tracing::warn!(service, error = format!("{error:#}"), "a service is not reachable");
            Problem::unavailable(format!("the {service} service is not reachable"))
        }
        Error::Database(error) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the database failed");
            Problem::unavailable("the console's database is not available")
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
                tracing::error!(service, ?code, message, "a service failed");
            }
            Problem::unavailable(format!("the {service} service is not reachable"))
        }
    }
}
