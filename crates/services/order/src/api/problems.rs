//! Maps errors to HTTP problems, and declares those that the endpoints share.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
pub use platform::http::openapi::Declared;
use platform::{
    http::{openapi::SharedProblems, problem::Problem},
    postgres::DatabaseError,
};

use crate::error::{Error, OrderRefusal};

pub const SHARED: SharedProblems = SharedProblems {
    anywhere: &[(StatusCode::BAD_REQUEST, "INVALID_REQUEST")],
    // These apply to POST requests only: they have a body and may have an Idempotency-Key.
    posted: &[
        (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
        (StatusCode::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
        (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
    ],
    json: &[(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")],
};

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        problem(self, V1).into_response()
    }
}

/// The names of the members of an API's request that errors are about.
#[derive(Clone, Copy)]
pub(super) struct Members {
    /// The user who orders.
    pub buyer: &'static str,
    /// The list of the parts.
    pub parts: &'static str,
}

/// The members of requests below `/api/v1`.
const V1: Members = Members { buyer: "user_uuid", parts: "part_uuids" };

/// Maps an error to an HTTP error response.
pub(super) fn problem(error: Error, Members { buyer, parts }: Members) -> Problem {
    let message = error.to_string();
    let conflict = |code| Problem::new(StatusCode::CONFLICT, code, message.clone());
    let about_parts = |problem| Problem { field: Some(parts.into()), ..problem };
    let after = |seconds, problem| Problem { retry_after: Some(seconds), ..problem };
    let unprocessable = |code| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, message.clone());
    match error {
        Error::Refused(refusal) => match refusal {
            OrderRefusal::OrderNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", message),
            OrderRefusal::PartNotFound(_) | OrderRefusal::PartNameNotFound(_) => {
                about_parts(Problem::new(StatusCode::NOT_FOUND, "PART_NOT_FOUND", message))
            }
            OrderRefusal::OutOfStock(_) | OrderRefusal::HeldByOwnOrder { .. } => about_parts(conflict("OUT_OF_STOCK")),
            OrderRefusal::TooManyReserved(_) => about_parts(conflict("TOO_MANY_RESERVED")),
            OrderRefusal::PriceChanged(_) => about_parts(conflict("PRICE_CHANGED")),
            OrderRefusal::TotalTooLarge => Problem::invalid(parts, message),
            OrderRefusal::ReservationLost => conflict("OUT_OF_STOCK"),
            OrderRefusal::InvalidStatus(_) => conflict("INVALID_STATUS"),
            OrderRefusal::PaymentDeclined => unprocessable("PAYMENT_DECLINED"),
            OrderRefusal::InsufficientFunds => unprocessable("INSUFFICIENT_FUNDS"),
        },
        Error::UserMismatch => {
            let problem = Problem::new(StatusCode::FORBIDDEN, "USER_MISMATCH", format!("{buyer}: {message}"));
            Problem { field: Some(buyer.into()), ..problem }
        }
        Error::PaymentNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "PAYMENT_NOT_FOUND", message),
        Error::PaymentInProgress => after(2, conflict("PAYMENT_IN_PROGRESS")),
        Error::KeyInProgress => after(1, conflict("IDEMPOTENCY_IN_PROGRESS")),
        Error::KeyReused => unprocessable("IDEMPOTENCY_KEY_REUSED"),
        Error::TooLargeToDeliver { .. } => Problem::invalid(parts, message),
        Error::TooManyUnpaid { .. } => {
            after(60, Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UNPAID_ORDERS", message))
        }
        Error::DeliveryNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "DELIVERY_NOT_FOUND", message),
        Error::PaymentOutcomeUnknown => {
            after(2, Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PAYMENT_OUTCOME_UNKNOWN", message))
        }
        Error::Unavailable(..) | Error::Database(DatabaseError::Unavailable(_)) => Problem::of_outage(error),
        Error::Database(_) | Error::Inconsistent(_) => Problem::failed(error),
    }
}
