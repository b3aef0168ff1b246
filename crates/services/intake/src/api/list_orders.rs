//! `GET /orders`: the orders of the session's user.

use axum::{
    Json,
    extract::{Extension, State},
    http::StatusCode,
};
use platform::{
    auth::Caller,
    http::{openapi::Declared, problem::Problem, query::QueryParameters},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    model::{Order, OrderUid},
    service::IntakeService,
};

/// This endpoint's own error responses.
pub const PROBLEMS: [Declared; 1] = [(StatusCode::BAD_REQUEST, "INVALID_REQUEST")];

#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of a user's orders, by order_uid.
#[derive(Serialize, ToSchema)]
pub struct OwnOrders {
    orders: Vec<Order>,
    /// To be sent as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<OrderUid>,
}

/// The orders whose customer_id is the uuid of the session's user
///
/// Also where the API is open.
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "listOrders",
    tag = "orders",
    params(Page),
    responses((status = 200, body = OwnOrders)),
    security(("session" = []))
)]
pub async fn handle(
    State(service): State<IntakeService>,
    Extension(caller): Extension<Caller>,
    QueryParameters(page): QueryParameters<Page>,
) -> Result<Json<OwnOrders>, Problem> {
    let Caller::User(user) = caller else { return Err(Problem::forbidden("only users have orders")) };

    let after =
        page.after.map(|uid| OrderUid::new(&uid).ok_or_else(|| Problem::invalid("after", "must be an order_uid")));
    let after = after.transpose()?.unwrap_or_default();

    let (orders, next) = service.of_customer(&user.uuid.to_string(), &after).await?;

    Ok(Json(OwnOrders { orders, next }))
}
