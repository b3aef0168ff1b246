//! Maps outcomes and errors to HTTP responses. The same outcome always results in the same bytes.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::{postgres::DatabaseError, problem::Problem};

use super::dto::{Created, Paid};
use crate::{
    error::{Error, Refusal},
    model::Outcome,
};

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        match self {
            Self::Created { order, total_price } => {
                let location = (header::LOCATION, format!("/api/v1/orders/{order}"));
                (StatusCode::CREATED, [location], Json(Created::new(order, total_price))).into_response()
            }
            Self::Paid { transaction } => {
                (StatusCode::OK, Json(Paid { transaction_uuid: transaction.uuid() })).into_response()
            }
            Self::Cancelled => StatusCode::NO_CONTENT.into_response(),
            Self::Refused(refusal) => Error::from(refusal).into_response(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        problem(self, "part_uuids").into_response()
    }
}

/// Maps an error to an HTTP error response. `parts` is the name of the request's field that lists the parts.
pub(super) fn problem(error: Error, parts: &'static str) -> Problem {
    let message = error.to_string();
    let conflict = |code| Problem::new(StatusCode::CONFLICT, code, message.clone());
    let about_parts = |problem| Problem { field: Some(parts.into()), ..problem };
    let unprocessable = |code| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, message.clone());
    match error {
        Error::Refused(refusal) => match refusal {
            Refusal::OrderNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", message),
            Refusal::PartNotFound(_) => about_parts(Problem::new(StatusCode::NOT_FOUND, "PART_NOT_FOUND", message)),
            Refusal::OutOfStock(_) => about_parts(conflict("OUT_OF_STOCK")),
            Refusal::PriceChanged(_) => about_parts(conflict("PRICE_CHANGED")),
            Refusal::ReservationLost => conflict("OUT_OF_STOCK"),
            Refusal::InvalidStatus(_) => conflict("INVALID_STATUS"),
            Refusal::PaymentDeclined => unprocessable("PAYMENT_DECLINED"),
            Refusal::InsufficientFunds => unprocessable("INSUFFICIENT_FUNDS"),
        },
        Error::UserMismatch => Problem::new(StatusCode::FORBIDDEN, "USER_MISMATCH", message),
        Error::PartNameNotFound(_) => about_parts(Problem::new(StatusCode::NOT_FOUND, "PART_NOT_FOUND", message)),
        Error::PaymentNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "PAYMENT_NOT_FOUND", message),
        Error::PaymentInProgress => conflict("PAYMENT_IN_PROGRESS"),
        Error::KeyInProgress => conflict("IDEMPOTENCY_IN_PROGRESS"),
        Error::KeyReused => unprocessable("IDEMPOTENCY_KEY_REUSED"),
        Error::TotalTooLarge(_) | Error::TooLargeToDeliver { .. } => Problem::invalid(parts, message),
        Error::TooManyUnpaid { .. } => {
            let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UNPAID_ORDERS", message);
            problem.retry_after = Some(60);
            problem
        }
        Error::DeliveryNotFound(_) => Problem::new(StatusCode::NOT_FOUND, "DELIVERY_NOT_FOUND", message),
        Error::PaymentOutcomeUnknown => {
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PAYMENT_OUTCOME_UNKNOWN", message);
            problem.retry_after = Some(2);
            problem
        }
        Error::Unavailable(..) | Error::Database(DatabaseError::Unavailable(_)) => {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "dependency unavailable");
            Problem::unavailable(message)
        }
        Error::Database(_) | Error::Inconsistent(_) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "request failed");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong here")
        }
    }
}
