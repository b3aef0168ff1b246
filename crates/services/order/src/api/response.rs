//! Maps outcomes to HTTP responses. The same outcome always results in the same bytes. `problems` maps errors.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::dto::{Created, Paid};
use crate::{error::Error, model::Outcome};

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
