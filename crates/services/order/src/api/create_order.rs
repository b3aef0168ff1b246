//! `POST /api/v1/orders`

use axum::{
    extract::State,
    http::StatusCode,
    response::{ErrorResponse, Response},
};
use contracts::ids::{OrderId, PartId, UserId};
use platform::{
    http::{json::IsJson, problem::Problem},
    ids,
    invalid::InvalidFields,
};
use uuid::Uuid;

use super::{
    dto::{CreateOrder, Created},
    extract::User,
    idempotency::{IdempotencyKey, IdempotentRequest},
    problems::Declared,
    response::respond,
    state::Api,
};
use crate::model::{DeliveryAddress, MAX_PARTS, NewOrder};

/// This endpoint's error responses besides the shared ones.
pub const PROBLEMS: [Declared; 5] = [
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
pub async fn handle(
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
