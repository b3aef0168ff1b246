//! `GET /api/orders/{order_id}/payment`

use axum::{Json, extract::State, response::ErrorResponse};

use super::dto::CheckoutPayment;
pub use crate::api::get_payment::PROBLEMS;
use crate::api::{
    extract::{OrderPath, User},
    state::Api,
};

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
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    OrderPath(order): OrderPath,
) -> Result<Json<CheckoutPayment>, ErrorResponse> {
    Ok(Json(api.service.payment(user, order).await?.into()))
}
