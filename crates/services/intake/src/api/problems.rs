//! Maps errors to HTTP problems, and declares them.

use axum::http::StatusCode;
use platform::{
    http::{
        openapi::{Declared, SharedProblems},
        problem::Problem,
    },
    postgres::DatabaseError,
    slots,
};

use crate::error::Error;

/// The problems that the endpoints share.
pub const SHARED: SharedProblems = SharedProblems::OF_LAYERS;

pub const ORDER_NOT_FOUND: Declared = (StatusCode::NOT_FOUND, "ORDER_NOT_FOUND");
const PAYLOAD_TOO_LARGE: Declared = (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE");

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let declared = |(status, code): Declared| Self::new(status, code, message.clone());
        match error {
            Error::NotFound => declared(ORDER_NOT_FOUND),
            Error::Broken(broken) => Self::invalid(broken.path, broken.rule),
            Error::TooLong => declared(PAYLOAD_TOO_LARGE),
            Error::TooManyLookups => slots::refusal(),
            Error::Topic(_) | Error::TooSlow | Error::Database(DatabaseError::Unavailable(_)) => Self::of_outage(error),
            Error::Reused | Error::Database(_) => Self::failed(error),
        }
    }
}
