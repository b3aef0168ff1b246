//! `GET /api/v1/orders`

use axum::{Json, extract::State, response::ErrorResponse};
use chrono::DateTime;
use contracts::ids::OrderId;
use platform::http::{problem::Problem, query::QueryParameters};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    dto::{OrderView, OrdersPage},
    extract::User,
    state::Api,
};
use crate::repository::Cursor;

const DEFAULT_LIMIT: u8 = 20;
const MAX_LIMIT: u8 = 100;

#[derive(Deserialize, IntoParams)]
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
    let after = page.cursor.as_deref().map(decode).transpose()?;
    let limit = page.limit.as_deref().map_or(Ok(DEFAULT_LIMIT), limit)?;

    let (orders, next) = api.service.page(user, after, limit).await?;

    let orders = orders
        .into_iter()
        .map(|order| OrderView { created_at: Some(order.created_at), ..OrderView::from(order) })
        .collect();
    Ok(Json(OrdersPage { orders, next_cursor: next.map(encode) }))
}

/// Parses the maximum number of orders on a page.
pub fn limit(text: &str) -> Result<u8, Problem> {
    let limit = text.parse::<u8>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit) && limit.to_string() == text);
    limit.ok_or_else(|| Problem::invalid("limit", format!("must be a number from 1 to {MAX_LIMIT}")))
}

/// Encodes a cursor as the order's creation time in microseconds and its UUID, both in hexadecimal. The text is opaque to callers and needs
/// no escaping in a URL.
pub fn encode(cursor: Cursor) -> String {
    format!("{:016x}{}", cursor.created_at.timestamp_micros(), cursor.order.uuid().simple())
}

/// Decodes a cursor that [`encode`] has encoded.
pub fn decode(text: &str) -> Result<Cursor, Problem> {
    let cursor = text.split_at_checked(16).and_then(|(micros, order)| {
        let micros = i64::from_str_radix(micros, 16).ok()?;
        let order = Uuid::try_parse(order).ok().filter(|_| order.len() == 32)?;
        Some(Cursor { created_at: DateTime::from_timestamp_micros(micros)?, order: OrderId::new(order) })
    });
    // The parsers also accept forms that `encode` never writes, such as a number with a sign.
    let cursor = cursor.filter(|cursor| encode(*cursor) == text);
    cursor.ok_or_else(|| Problem::invalid("cursor", "is not a next_cursor of this list"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(micros in 0i64..4_000_000_000_000_000, order: u128) {
            let created_at = DateTime::from_timestamp_micros(micros).unwrap();
            let cursor = Cursor { created_at, order: OrderId::new(Uuid::from_u128(order)) };

            prop_assert_eq!(decode(&encode(cursor)).unwrap(), cursor);
        }

        #[test]
        fn no_text_makes_reading_a_cursor_panic(text: String) {
            let _ = decode(&text);
        }
    }

    #[test]
    fn a_cursor_in_another_form_is_refused() {
        let order = Uuid::from_u128(0xabc);
        let cursor = encode(Cursor { created_at: DateTime::UNIX_EPOCH, order: OrderId::new(order) });
        assert!(decode(&cursor).is_ok());

        for other in [cursor.replacen('0', "+", 1), cursor.replacen('0', "-", 1), cursor.to_uppercase()] {
            assert_eq!(decode(&other).unwrap_err().field.as_deref(), Some("cursor"), "{other}");
        }
    }

    #[test]
    fn a_limit_out_of_range_is_refused() {
        for wrong in ["0", "101", "-1", "ten", "", "1e3", "+5", "05"] {
            assert_eq!(limit(wrong).unwrap_err().field.as_deref(), Some("limit"), "{wrong}");
        }
    }
}
