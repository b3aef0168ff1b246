//! `/api/v1/orders`: creates, returns, lists and cancels orders.

use axum::{
    Json,
    http::StatusCode,
    response::{ErrorResponse, Response},
};
use contracts::ids::OrderId;
use platform::{
    cursor::{Cursor, InvalidCursor},
    http::{json::IsJson, problem::Problem, query::QueryParameters},
    ids,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ApiState,
    dto::{CreateOrder, Created, OrderView, OrdersPage, respond},
    extract::{IdempotencyKey, IdempotentRequest, OrderPath, User},
    problems::Declared,
};

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
pub async fn create_order(
    api: ApiState,
    User(user): User,
    _: IsJson,
    request: IdempotentRequest,
) -> Result<Response, ErrorResponse> {
    let body: CreateOrder = request.json()?;
    let order = body.into_order(OrderId::new(ids::ordered())).map_err(Problem::from)?;
    let claim = request.claim(user);
    api.service.check_volume(order.delivery_address.as_ref(), order.parts.len())?;

    Ok(respond(api.service.create(user, order, claim.as_ref())).await)
}

pub const GET_PROBLEMS: [Declared; 1] = [(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND")];

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
pub async fn get_order(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<OrderView>, ErrorResponse> {
    Ok(Json(api.service.find(user, order).await?.into()))
}

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next_cursor` of the previous page.
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
pub async fn list_orders(
    api: ApiState,
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

pub const CANCEL_PROBLEMS: [Declared; 3] = [
    (StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
    (StatusCode::CONFLICT, "INVALID_STATUS"),
    (StatusCode::CONFLICT, "PAYMENT_IN_PROGRESS"),
];

/// Cancel an order that is not paid
///
/// Returns its parts to the stock.
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
pub async fn cancel_order(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
    request: IdempotentRequest,
) -> Response {
    let claim = request.claim(user);

    respond(api.service.cancel(user, order, claim.as_ref())).await
}
