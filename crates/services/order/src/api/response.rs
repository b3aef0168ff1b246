//! Maps outcomes to HTTP responses. The same outcome always results in the same bytes. `problems` maps errors.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;

use super::dto::{Created, Paid};
use crate::{error::Error, model::RequestOutcome, service::idempotency};

/// Marks a response that an earlier request stored under the same idempotency key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Responds with the result of `work`. Adds the header `Idempotency-Replayed` if an earlier request stored the result.
pub fn respond<R: IntoResponse>(work: impl Future<Output = R>) -> impl Future<Output = Response> {
    idempotency::watching_replay(work).map(|(result, is_replay)| {
        let mut response = result.into_response();
        if is_replay {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    })
}

impl IntoResponse for RequestOutcome {
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
