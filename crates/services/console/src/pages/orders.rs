//! `GET /console/orders`: the visitor's orders.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::DateTime;
use contracts::money::Money as Minor;
use platform::http::{problem::Problem, query::QueryParameters};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    format::{Moment, Money, encoded},
    frame::{layout, page},
    refusal,
    views::{
        layout::Section,
        orders::{OrderRow, Orders},
    },
};
use crate::api::{Api, Visit, of_error};

#[derive(Default, Deserialize, ToSchema)]
pub struct OrdersQuery {
    #[serde(default)]
    cursor: String,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<OrdersQuery>,
) -> Response {
    let is_later_page = !query.cursor.is_empty();
    let parameters = if is_later_page { format!("?cursor={}", encoded(&query.cursor)) } else { String::new() };
    let path = format!("/api/v1/orders{parameters}");
    let (layout, answer) = tokio::join!(layout(&api, &visit, Section::Orders), api.orders.get(&visit.session, &path));
    let (status, answer, problem) = match answer {
        Ok(answer) if answer.status.is_success() => (StatusCode::OK, answer.json(), None),
        Ok(answer) => {
            let problem = answer.json();
            let text = |name: &str| problem[name].as_str().unwrap_or_default();
            let shown = refusal::of_code(text("code"), text("message"), problem["field"].as_str());
            (answer.status, Value::Null, Some(shown))
        }
        Err(error) => {
            let problem: Problem = of_error(error);
            (refusal::status(&problem), Value::Null, Some(refusal::shown(&problem)))
        }
    };
    let view = Orders {
        layout,
        orders: answer["orders"].as_array().into_iter().flatten().filter_map(row).collect(),
        next_cursor: answer["next_cursor"].as_str().map(str::to_owned),
        is_later_page,
        problem,
    };
    page(status, &view)
}

fn row(order: &Value) -> Option<OrderRow> {
    let text = |member: &str| order[member].as_str().map(str::to_owned);
    let created_at = DateTime::parse_from_rfc3339(order["created_at"].as_str()?).ok()?;
    Some(OrderRow {
        uuid: text("order_uuid")?,
        created_at: Moment(created_at.to_utc()),
        parts: i64::try_from(order["part_uuids"].as_array().map_or(0, Vec::len)).unwrap_or_default(),
        total: Money(
            order["total_price"].as_f64().and_then(|total| Minor::from_major(total).ok()).map_or(0, Minor::minor),
        ),
        status: text("status")?,
        delivery_status: text("delivery_status"),
    })
}
