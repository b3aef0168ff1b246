//! `POST /api/orders`

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{ErrorResponse, IntoResponse as _, Response},
};
use contracts::ids::OrderId;
use platform::{ids, json::IsJson, problem::Problem};

use super::dto::{CheckoutCreated, CheckoutItem, CheckoutOrder};
use crate::{
    api::{
        extract::{IdempotentRequest, User},
        idempotency_key::IdempotencyKey,
        problems::{Declared, problem},
        state::Api,
    },
    model::{DeliveryAddress, Outcome},
    service::{Checkout, Item},
};

/// The maximum number of pieces of one item, and of one order.
const MAX_PIECES: usize = 1000;

/// This endpoint's error responses, in addition to those that all endpoints share.
pub const PROBLEMS: [Declared; 5] = [
    (StatusCode::FORBIDDEN, "USER_MISMATCH"),
    (StatusCode::NOT_FOUND, "PART_NOT_FOUND"),
    (StatusCode::CONFLICT, "OUT_OF_STOCK"),
    (StatusCode::CONFLICT, "PRICE_CHANGED"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UNPAID_ORDERS"),
];

/// Order and pay a ship's parts
///
/// Holds the parts, and pays for them once from the caller's balance. A problem has the member `error` besides `message`.
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
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    _: IsJson,
    request: IdempotentRequest,
) -> Result<Response, ErrorResponse> {
    let body: CheckoutOrder = request.json()?;
    let items = items(body.items)?;
    let delivery_address = body
        .delivery_address
        .map(DeliveryAddress::new)
        .transpose()
        .map_err(|error| Problem::invalid("delivery_address", error))?;
    let claim = request.claim(user);
    let checkout = Checkout { uuid: OrderId::new(ids::ordered()), buyer: body.user_id, delivery_address, items };
    let pieces = checkout.pieces();
    let deliverable = api.deliveries.check_pieces(checkout.delivery_address.as_ref(), pieces);
    deliverable.map_err(|error| problem(error, "items"))?;

    match api.service.check_out(user, checkout, claim.as_ref()).await {
        Ok(Outcome::Created { order, .. }) => Ok(Json(CheckoutCreated::new(order)).into_response()),
        Ok(other) => Ok(other.into_response()),
        Err(error) => Err(problem(error, "items").into()),
    }
}

fn items(items: Vec<CheckoutItem>) -> Result<Vec<Item>, Problem> {
    if items.is_empty() {
        return Err(Problem::invalid("items", "must name at least one part"));
    }
    let mut pieces = 0;
    let item = |(index, item): (usize, CheckoutItem)| {
        let quantity = usize::try_from(item.quantity).ok().filter(|quantity| (1..=MAX_PIECES).contains(quantity));
        let wrong = || Problem::invalid(format!("items[{index}].quantity"), format!("must be 1 to {MAX_PIECES}"));
        let quantity = quantity.ok_or_else(wrong)?;
        pieces += quantity;
        Ok(Item { product: item.product_id, quantity, price: item.price })
    };
    let items = items.into_iter().enumerate().map(item).collect::<Result<Vec<_>, Problem>>()?;
    if pieces > MAX_PIECES {
        return Err(Problem::invalid("items", format!("must be at most {MAX_PIECES} pieces in all")));
    }
    Ok(items)
}
