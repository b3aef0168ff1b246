//! The endpoints of `/api/orders`.

mod dto;

use axum::{
    Json,
    body::Body,
    http::StatusCode,
    response::{ErrorResponse, IntoResponse as _, Response},
};
use contracts::{
    checkout::{WithError, is_checkout_path},
    ids::OrderId,
};
use platform::{
    http::{json::IsJson, problem::Problem},
    ids,
    invalid::{FieldCode, InvalidField, InvalidFields},
};

use super::{
    ApiState,
    dto::respond,
    extract::{IdempotencyKey, IdempotentRequest, OrderPath, User},
    problems::{Declared, Members, problem},
};
use crate::{
    model::{DeliveryAddress, MAX_PARTS, RequestOutcome},
    service::{Checkout, Item},
};
use dto::{CheckoutCreated, CheckoutDelivery, CheckoutItem, CheckoutOrder, CheckoutPayment, CheckoutView};

/// Returns the body of a problem under `/api/orders`, which also has its `message` as `error`.
pub fn with_error(path: &str, problem: &Problem) -> Option<Body> {
    is_checkout_path(path).then(|| Json(WithError::from(problem)).into_response().into_body())
}

pub const CREATE_PROBLEMS: [Declared; 6] = [
    (StatusCode::FORBIDDEN, "USER_MISMATCH"),
    (StatusCode::NOT_FOUND, "PART_NOT_FOUND"),
    (StatusCode::CONFLICT, "OUT_OF_STOCK"),
    (StatusCode::CONFLICT, "PRICE_CHANGED"),
    (StatusCode::CONFLICT, "TOO_MANY_RESERVED"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UNPAID_ORDERS"),
];

/// The maximum size of a body in bytes. A body with the maximum number of items, which name their parts by UUID, has
/// 80 KB or more.
pub const BODY_LIMIT: usize = 256 * 1024;

/// The members of this endpoint's request that errors are about.
const MEMBERS: Members = Members { buyer: "user_id", parts: "items" };

/// Order and pay a ship's parts
///
/// Holds the parts, and pays for them once from the caller's balance. A problem has the member `error` besides
/// `message`. The body may have up to 256 KiB.
#[utoipa::path(
    post,
    path = "/api/orders",
    operation_id = "checkOut",
    tag = "orders",
    params(IdempotencyKey),
    request_body = CheckoutOrder,
    responses(
        (status = 200, body = CheckoutCreated, links(
            ("get" = (operation_id = "getCheckout", parameters(("order_id" = "$response.body#/order_id")))),
            ("payment" = (operation_id = "getCheckoutPayment", parameters(("order_id" = "$response.body#/order_id")))),
        )),
    ),
    security(("session" = []))
)]
pub async fn create_order(
    api: ApiState,
    User(user): User,
    _: IsJson,
    request: IdempotentRequest<BODY_LIMIT>,
) -> Result<Response, ErrorResponse> {
    let body: CheckoutOrder = request.json()?;
    let mut invalid = InvalidFields::default();
    let address = invalid.check("delivery_address", body.delivery_address.map(DeliveryAddress::new).transpose());
    let items = items(body.items, &mut invalid);
    let (Some(delivery_address), Some(items)) = (address, items) else { return Err(Problem::from(invalid).into()) };
    let claim = request.claim(user);
    let checkout = Checkout { uuid: OrderId::new(ids::ordered()), buyer: body.user_id, delivery_address, items };
    let pieces = checkout.pieces();
    let deliverable = api.service.check_volume(checkout.delivery_address.as_ref(), pieces);
    deliverable.map_err(|error| problem(error, MEMBERS))?;

    let checked_out = async {
        match api.service.check_out(user, checkout, claim.as_ref()).await {
            Ok(RequestOutcome::Created { order, .. }) => Json(CheckoutCreated::new(order)).into_response(),
            Ok(other) => other.into_response(),
            Err(error) => problem(error, MEMBERS).into_response(),
        }
    };
    Ok(respond(checked_out).await)
}

fn items(items: Vec<CheckoutItem>, invalid: &mut InvalidFields) -> Option<Vec<Item>> {
    let (count, mut pieces) = (items.len(), 0);
    let item = |(index, item): (usize, CheckoutItem)| {
        let product = match (item.product_id, item.product_id_by_other_name) {
            (Some(product), None) | (None, Some(product)) => Ok(product),
            (None, None) => Err((FieldCode::Required, "is required")),
            (Some(_), Some(_)) => Err((FieldCode::Repeated, "must be sent at most once")),
        };
        let wrong = |(code, problem): (FieldCode, &str)| {
            invalid.add(InvalidField::new(format!("items[{index}].product_id"), code, problem));
        };
        let product = product.map_err(wrong).ok();
        let quantity = usize::try_from(item.quantity).ok().filter(|quantity| (1..=MAX_PARTS).contains(quantity));
        let quantity = quantity.ok_or_else(|| format!("must be from 1 to {MAX_PARTS}"));
        let quantity = invalid.check(format!("items[{index}].quantity"), quantity);
        pieces += quantity.unwrap_or_default();
        Some(Item { product: product?, quantity: quantity?, price: item.price })
    };
    let valid: Vec<_> = items.into_iter().enumerate().filter_map(item).collect();
    let checked = if count == 0 {
        Err("must name at least one part".to_owned())
    } else if pieces > MAX_PARTS {
        Err(format!("must be at most {MAX_PARTS} pieces in all"))
    } else {
        Ok(())
    };
    invalid.check("items", checked)?;
    (valid.len() == count).then_some(valid)
}

/// One of the caller's orders, with its items
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}",
    operation_id = "getCheckout",
    tag = "orders",
    params(("order_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckoutView),
    ),
    security(("session" = []))
)]
pub async fn get_order(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutView>, ErrorResponse> {
    let (order, details) = api.service.find_with_details(user, order).await?;
    Ok(Json(CheckoutView::new(&order, &details)))
}

/// The payment of one of the caller's orders
///
/// The attempt to pay that was not declined, otherwise the latest.
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}/payment",
    operation_id = "getCheckoutPayment",
    tag = "orders",
    params(("order_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckoutPayment),
    ),
    security(("session" = []))
)]
pub async fn get_payment(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutPayment>, ErrorResponse> {
    Ok(Json(api.service.payment(user, order).await?.into()))
}

/// Where one of the caller's orders is on its way
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}/delivery",
    operation_id = "getCheckoutDelivery",
    tag = "orders",
    params(("order_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckoutDelivery),
    ),
    security(("session" = []))
)]
pub async fn get_delivery(
    api: ApiState,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutDelivery>, ErrorResponse> {
    let tracked = api.deliveries.track(user, order).await?;

    Ok(Json(CheckoutDelivery::new(order, tracked)))
}
