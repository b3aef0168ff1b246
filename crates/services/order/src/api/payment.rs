//! The payment of an order: `/api/v1/orders/{order_uuid}/pay` and `/api/v1/orders/{order_uuid}/payment`.

use axum::{
    Json,
    http::StatusCode,
    response::{ErrorResponse, Response},
};
use platform::http::{json::IsJson, problem::Problem};

use super::{
    ApiState,
    dto::{Paid, PayOrder, PaymentView, respond},
    extract::{IdempotencyKey, IdempotentRequest, OrderPath, User},
    problems::Declared,
};
use crate::model::PaymentMethod;

pub const PAY_PROBLEMS: [Declared; 7] = [
    (StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
    (StatusCode::CONFLICT, "INVALID_STATUS"),
    (StatusCode::CONFLICT, "PAYMENT_IN_PROGRESS"),
    (StatusCode::CONFLICT, "OUT_OF_STOCK"),
    (StatusCode::UNPROCESSABLE_ENTITY, "PAYMENT_DECLINED"),
    (StatusCode::UNPROCESSABLE_ENTITY, "INSUFFICIENT_FUNDS"),
    (StatusCode::SERVICE_UNAVAILABLE, "PAYMENT_OUTCOME_UNKNOWN"),
];

/// Pay an order
///
/// Charges the user once, even if the client retries the request or a process crashes.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{order_uuid}/pay",
    operation_id = "payOrder",
    tag = "orders",
    params(
        ("order_uuid" = uuid::Uuid, Path),
        IdempotencyKey,
    ),
    request_body = PayOrder,
    responses(
        (status = 200, body = Paid),
    ),
    security(("session" = []))
)]
pub async fn pay_order(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
    _: IsJson,
    request: IdempotentRequest,
) -> Result<Response, ErrorResponse> {
    let body: PayOrder = request.json()?;
    let method = PaymentMethod::parse(&body.payment_method)
        .ok_or_else(|| Problem::invalid("payment_method", "must be CARD, SBP, CREDIT_CARD or INVESTOR_MONEY"))?;
    let claim = request.claim(user);

    Ok(respond(api.service.pay(user, order, method, claim.as_ref())).await)
}

pub const GET_PROBLEMS: [Declared; 2] =
    [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"), (StatusCode::NOT_FOUND, "PAYMENT_NOT_FOUND")];

/// The payment of one of the caller's orders
///
/// The attempt to pay that was not declined, otherwise the latest.
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}/payment",
    operation_id = "getOrderPayment",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = PaymentView),
    ),
    security(("session" = []))
)]
pub async fn get_payment(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<PaymentView>, ErrorResponse> {
    Ok(Json(api.service.payment(user, order).await?.into()))
}
