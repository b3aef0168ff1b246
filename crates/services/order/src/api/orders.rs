//! The endpoints of orders, `/api/v1/orders`.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{ErrorResponse, Response},
};
use contracts::ids::{OrderId, PartId, UserId};
use platform::{
    cursor::{Cursor, InvalidCursor},
    http::{json::IsJson, problem::Problem, query::QueryParameters},
    ids,
    invalid::InvalidFields,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    dto::{CreateOrder, Created, OrderView, OrdersPage, Paid, PayOrder, PaymentView},
    extract::{OrderPath, User},
    idempotency::{IdempotencyKey, IdempotentRequest},
    problems::{Declared, ORDER_NOT_FOUND},
    response::respond,
    state::Api,
};
use crate::model::{DeliveryAddress, MAX_PARTS, NewOrder, PaymentMethod};

/// The error responses of `create` besides the shared ones.
pub const CREATE_PROBLEMS: [Declared; 5] = [
    (StatusCode::FORBIDDEN, "USER_MISMATCH"),
    (StatusCode::NOT_FOUND, "PART_NOT_FOUND"),
    (StatusCode::CONFLICT, "OUT_OF_STOCK"),
    (StatusCode::CONFLICT, "TOO_MANY_RESERVED"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UNPAID_ORDERS"),
];

/// Order a ship's parts
///
/// Holds the parts and freezes their prices; the order then waits for its payment.
#[utoipa::path(
    post,
    path = "/api/v1/orders",
    operation_id = "createOrder",
    tag = "orders",
    params(IdempotencyKey),
    request_body = CreateOrder,
    responses(
        (status = 201, body = Created, headers(("Location" = String)), links(
            ("get" = (operation_id = "getOrder", parameters(("order_uuid" = "$response.body#/order_uuid")))),
            ("pay" = (operation_id = "payOrder", parameters(("order_uuid" = "$response.body#/order_uuid")))),
            ("cancel" = (operation_id = "cancelOrder", parameters(("order_uuid" = "$response.body#/order_uuid")))),
        )),
    ),
    security(("session" = []))
)]
pub async fn create(
    State(api): State<Api>,
    User(user): User,
    _: IsJson,
    request: IdempotentRequest,
) -> Result<Response, ErrorResponse> {
    let body: CreateOrder = request.json()?;
    let mut invalid = InvalidFields::default();
    let parts = invalid.check("part_uuids", parts(body.part_uuids));
    let address = invalid.check("delivery_address", body.delivery_address.map(DeliveryAddress::new).transpose());
    let (Some(parts), Some(delivery_address)) = (parts, address) else { return Err(Problem::from(invalid).into()) };
    let claim = request.claim(user);
    let order =
        NewOrder { uuid: OrderId::new(ids::ordered()), user: UserId::new(body.user_uuid), parts, delivery_address };
    api.deliveries.check_volume(&order)?;

    Ok(respond(api.service.create(user, order, claim.as_ref())).await)
}

fn parts(uuids: Vec<Uuid>) -> Result<Vec<PartId>, String> {
    match uuids.len() {
        0 => Err("must name at least one part".to_owned()),
        1..=MAX_PARTS => Ok(uuids.into_iter().map(PartId::new).collect()),
        _ => Err(format!("must name at most {MAX_PARTS} parts")),
    }
}

/// The error responses of `pay` besides the shared ones.
pub const PAY_PROBLEMS: [Declared; 7] = [
    ORDER_NOT_FOUND,
    (StatusCode::CONFLICT, "INVALID_STATUS"),
    (StatusCode::CONFLICT, "PAYMENT_IN_PROGRESS"),
    (StatusCode::CONFLICT, "OUT_OF_STOCK"),
    (StatusCode::UNPROCESSABLE_ENTITY, "PAYMENT_DECLINED"),
    (StatusCode::UNPROCESSABLE_ENTITY, "INSUFFICIENT_FUNDS"),
    (StatusCode::SERVICE_UNAVAILABLE, "PAYMENT_OUTCOME_UNKNOWN"),
];

/// Pay an order
///
/// Charges the user once, even if the client repeats the request or a process crashes.
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
pub async fn pay(
    State(api): State<Api>,
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

/// The error responses of `cancel` besides the shared ones.
pub const CANCEL_PROBLEMS: [Declared; 3] =
    [ORDER_NOT_FOUND, (StatusCode::CONFLICT, "INVALID_STATUS"), (StatusCode::CONFLICT, "PAYMENT_IN_PROGRESS")];

/// Cancel an order that is not paid
///
/// Its parts go back on the shelf.
#[utoipa::path(
    post,
    path = "/api/v1/orders/{order_uuid}/cancel",
    operation_id = "cancelOrder",
    tag = "orders",
    params(
        ("order_uuid" = uuid::Uuid, Path),
        IdempotencyKey,
    ),
    responses(
        (status = 204),
    ),
    security(("session" = []))
)]
pub async fn cancel(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
    request: IdempotentRequest,
) -> Response {
    let claim = request.claim(user);

    respond(api.service.cancel(user, order, claim.as_ref())).await
}

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next_cursor` of the page before.
    #[param(value_type = String, required = false, pattern = "^00[0-9a-f]{46}$")]
    cursor: Option<String>,
    /// 1 to 100, 20 unless given.
    #[param(value_type = u8, required = false, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// The caller's orders, newest first
#[utoipa::path(
    get,
    path = "/api/v1/orders",
    operation_id = "listOrders",
    tag = "orders",
    params(Page),
    responses(
        (status = 200, body = OrdersPage),
    ),
    security(("session" = []))
)]
pub async fn list(
    State(api): State<Api>,
    User(user): User,
    QueryParameters(page): QueryParameters<Page>,
) -> Result<Json<OrdersPage>, ErrorResponse> {
    let after = page.cursor.as_deref().map(cursor).transpose()?;
    let limit = page.limit.as_deref().map_or(Ok(DEFAULT_LIMIT), limit)?;

    let (orders, next) = api.service.page(user, after, limit).await?;

    let orders = orders
        .into_iter()
        .map(|order| OrderView { created_at: Some(order.created_at), ..OrderView::from(order) })
        .collect();
    Ok(Json(OrdersPage { orders, next_cursor: next.map(|cursor| cursor.to_string()) }))
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|InvalidCursor| Problem::invalid("cursor", "must be a next_cursor of this list"))
}

pub fn limit(text: &str) -> Result<u8, Problem> {
    let limit = text.parse::<u8>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit) && limit.to_string() == text);
    limit.ok_or_else(|| Problem::invalid("limit", format!("must be a number from 1 to {MAX_LIMIT}")))
}

/// One of the caller's orders
#[utoipa::path(
    get,
    path = "/api/v1/orders/{order_uuid}",
    operation_id = "getOrder",
    tag = "orders",
    params(("order_uuid" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = OrderView),
    ),
    security(("session" = []))
)]
pub async fn get(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<OrderView>, ErrorResponse> {
    Ok(Json(api.service.find(user, order).await?.into()))
}

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
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<PaymentView>, ErrorResponse> {
    Ok(Json(api.service.payment(user, order).await?.into()))
}
