//! `GET /api/v1/orders`

use axum::{Json, extract::State, response::ErrorResponse};
use platform::{
    cursor::{Cursor, InvalidCursor},
    http::{problem::Problem, query::QueryParameters},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    dto::{OrderView, OrdersPage},
    extract::User,
    state::Api,
};

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
pub async fn handle(
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
