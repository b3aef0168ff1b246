//! Maps refusals and failures to HTTP problems.

use axum::http::StatusCode;
use platform::{error_chain, grpc, http::problem::Problem, invalid::InvalidFields, outage::refused};
use tonic::{Code, Status};

use crate::error::Error;

/// Converts a use case's error to a problem, and logs failures.
pub fn of_error(error: Error) -> Problem {
    match error {
        Error::OrderNotFound => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", error.to_string()),
        // The task that makes the receipt has logged the cause.
        Error::TooManyStreams | Error::NoReceipt(_) => Problem::unavailable(error.to_string()),
        Error::Refused(problem) => *problem,
        // An operator sees the cause, too.
        Error::NotRead(..) => {
            let message = error_chain(error);
            refused("operator view unavailable", &message);
            Problem::unavailable(message)
        }
        Error::Unavailable(..) => {
            let message = error.to_string();
            refused("dependency unavailable", error_chain(error));
            Problem::unavailable(message)
        }
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

#[cfg(test)]
mod tests {
    use platform::{grpc::Peer, telemetry::MemoryLog};
    use tracing::Level;
    use uuid::Uuid;

    use super::*;
    use crate::client::Payments;

    /// After this number of failed calls, a circuit breaker is open.
    const MANY: usize = 30;

    fn logged(status: &Status) -> String {
        let (log, _guard) = MemoryLog::capture(Level::INFO);
        assert_eq!(of_status("payment", status).status, 503);
        log.text()
    }

    #[tokio::test]
    async fn a_call_that_an_open_circuit_breaker_refuses_is_not_logged() {
        // Nothing listens on port 1.
        let payments = Payments::new(Peer::lazy("payment", "PAYMENT_ADDRESS", "127.0.0.1:1").unwrap());
        let mut calls = 0;
        let refused = loop {
            let status = payments.balance(Uuid::nil()).await.unwrap_err();
            if grpc::is_refused(&status) {
                break status;
            }
            calls += 1;
            assert!(calls < MANY, "{status}");
        };

        assert_eq!(logged(&refused), "");
    }

    #[test]
    fn an_outage_is_a_warning_and_a_failure_an_error() {
        for status in
            [Status::unavailable("payment: lost"), Status::deadline_exceeded("payment did not answer in time")]
        {
            let log = logged(&status);
            assert!(log.contains("WARN") && log.contains("dependency unavailable") && !log.contains("ERROR"), "{log}");
        }
        assert!(logged(&Status::unimplemented("method not found")).contains("ERROR"));
    }
}
