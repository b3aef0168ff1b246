//! Maps errors to HTTP problems, and declares them.

use axum::http::StatusCode;
use platform::{
    http::{
        openapi::{Declared, SharedProblems},
        problem::Problem,
    },
    postgres::DatabaseError,
};

use crate::error::Error;

/// The problems that the endpoints share.
pub const SHARED: SharedProblems = SharedProblems::OF_LAYERS;

/// The maximum number of couriers, or of storage places of one courier, is reached.
pub const LIMIT_REACHED: Declared = (StatusCode::CONFLICT, "TOO_MANY");
pub const COURIER_NOT_FOUND: Declared = (StatusCode::NOT_FOUND, "COURIER_NOT_FOUND");

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let declared = |(status, code): Declared| Self::new(status, code, message.clone());
        match error {
            Error::CourierNotFound => declared(COURIER_NOT_FOUND),
            Error::TooMany(_) => declared(LIMIT_REACHED),
            // The service chose the street of a trial order, so geo's rejection is not the caller's mistake.
            Error::Geo(_) | Error::Orders(_) | Error::Database(DatabaseError::Unavailable(_)) => Self::of_outage(error),
            Error::NotFound | Error::NoAddress | Error::AnotherDelivery | Error::Database(_) => Self::failed(error),
        }
    }
}
