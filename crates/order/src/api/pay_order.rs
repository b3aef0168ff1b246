//! `POST /api/v1/orders/{order_uuid}/pay`

use axum::{extract::State, response::ErrorResponse};
use platform::problem::Problem;

use super::{
    extract::{OrderUuid, Posted, User},
    routes::Api,
    view::{Paid, PayOrder},
};
use crate::model::{Outcome, PaymentMethod};

/// Pay an order
///
/// Charges once, however often it is asked and whatever dies on the way.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{order_uuid}/pay",
    tag = "orders",
    params(
        ("order_uuid" = uuid::Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats of the request get the same answer for 24 hours."),
    ),
    request_body = PayOrder,
    responses(
        (status = 200, body = Paid),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "INVALID_REQUEST"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "MISSING_SESSION, INVALID_SESSION"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "ORDER_NOT_FOUND"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "INVALID_STATUS, PAYMENT_IN_PROGRESS, OUT_OF_STOCK, IDEMPOTENCY_IN_PROGRESS"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "PAYMENT_DECLINED, INSUFFICIENT_FUNDS, IDEMPOTENCY_KEY_REUSED"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "DEPENDENCY_UNAVAILABLE, PAYMENT_OUTCOME_UNKNOWN"),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderUuid(order): OrderUuid,
    posted: Posted,
) -> Result<Outcome, ErrorResponse> {
    let body: PayOrder = posted.json()?;
    let method = PaymentMethod::parse(&body.payment_method)
        .ok_or_else(|| Problem::invalid("payment_method", "must be CARD, SBP, CREDIT_CARD or INVESTOR_MONEY"))?;
    let claim = posted.claim(user)?;

    Ok(api.service.pay(user, order, method, claim.as_ref()).await?)
}
