//! `GET /console/orders`: the visitor's orders, newest first.

use askama::Template;
use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use platform::http::{problem::Problem, query::QueryParameters};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    format::{Moment, Money, query, short},
    frame::{Layout, layout, page},
    refusal::{Refusal, or_missing},
    words,
};
use crate::api::{Api, Visit, of_error};

#[derive(Default, Deserialize, ToSchema)]
pub struct OrdersQuery {
    #[serde(default)]
    cursor: String,
}

/// An order, in the form of the order service.
#[derive(Deserialize)]
struct OrderRow {
    order_uuid: String,
    created_at: DateTime<Utc>,
    #[serde(default)]
    part_uuids: Vec<IgnoredAny>,
    total_price: f64,
    status: String,
    delivery_status: Option<String>,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Orders {
    layout: Layout,
    orders: Vec<OrderRow>,
    /// The query `cursor` of the next page.
    next_cursor: Option<String>,
    /// True if this is not the first page.
    is_later_page: bool,
    problem: Option<Refusal>,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<OrdersQuery>,
) -> Response {
    let is_later_page = !query.cursor.is_empty();
    let (layout, read) = tokio::join!(layout(&api, &visit, "orders"), read(&api, &visit, &query.cursor));
    let (mut response, status, problem) = or_missing(read);
    let orders = match response["orders"].take() {
        Value::Array(orders) => orders.into_iter().filter_map(|order| serde_json::from_value(order).ok()).collect(),
        _ => Vec::new(),
    };
    let next_cursor = response["next_cursor"].as_str().map(str::to_owned);
    page(status, &Orders { layout, orders, next_cursor, is_later_page, problem })
}

/// Reads a page of the visitor's orders, the first one for an empty cursor.
async fn read(api: &Api, visit: &Visit, cursor: &str) -> Result<Value, Problem> {
    let parameters = Some(cursor).filter(|cursor| !cursor.is_empty()).map(|cursor| ("cursor", cursor));
    let path = format!("/api/v1/orders?{}", query(parameters));
    let response = api.orders.get(&visit.session, &path).await.map_err(of_error)?;
    if response.status.is_success() { Ok(response.json()) } else { Err(response.problem()) }
}

impl OrderRow {
    fn short(&self) -> &str {
        short(&self.order_uuid)
    }

    fn placed(&self) -> Moment {
        Moment(self.created_at)
    }

    fn total(&self) -> Money {
        Money::from_major(self.total_price)
    }

    /// The text for the delivery's status once the ship is on its way, else for the order's status.
    fn words(&self) -> &str {
        match (self.status.as_str(), self.delivery_status.as_deref()) {
            ("ASSEMBLED", Some(delivery)) if delivery != "PENDING" => words::delivery(delivery),
            (status, _) => words::order(status),
        }
    }

    fn class(&self) -> &'static str {
        match self.status.as_str() {
            "PENDING_PAYMENT" => "",
            "CANCELLED" => "trouble",
            _ => "goods",
        }
    }
}
