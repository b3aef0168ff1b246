//! `POST /orders`: publishes an order to the topic.

use std::collections::HashMap;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::StatusCode,
};
use platform::{
    clock,
    http::{
        json::{self, IsJson},
        problem::Problem,
    },
    ids, number,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny},
};
use serde_json::value::RawValue;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, SchemaType, Type},
};

use super::Api;
use crate::{
    error::Error,
    model::{Broken, MAX_MESSAGE_BYTES, Order, OrderUid},
    sample::{Piece, short_order},
    service::read,
};

/// The maximum per short order; each piece becomes an item.
const MAX_PIECES: usize = 1_000;

/// An order that is in the topic.
#[derive(Serialize, ToSchema)]
pub struct Placed {
    pub order_uid: OrderUid,
}

/// The short form, from which a whole order is generated. Accepted only where the API is open.
#[derive(Deserialize, ToSchema)]
pub struct ShortOrder {
    #[serde(deserialize_with = "text")]
    #[schema(schema_with = text_or_number)]
    user_id: String,
    items: Vec<ShortItem>,
}

#[derive(Deserialize, ToSchema)]
pub struct ShortItem {
    /// The name of the item.
    sku: String,
    /// The pieces, each of which becomes an item.
    #[serde(deserialize_with = "number::integer")]
    #[schema(minimum = 1, maximum = 1_000)]
    qty: i64,
}

/// The two forms of the body, for the OpenAPI description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes, and is never made")]
#[serde(untagged)]
pub enum NewOrder {
    Whole(Box<Order>),
    Short(ShortOrder),
}

/// Place an order
///
/// Responds once the order is in the topic; it is stored a moment later. If another order has the order_uid, the new
/// one becomes a dead letter.
#[utoipa::path(
    post,
    path = "/orders",
    operation_id = "placeOrder",
    tag = "orders",
    request_body = NewOrder,
    responses((status = 202, body = Placed)),
    security(("session" = []))
)]
pub async fn place(
    State(api): State<Api>,
    _: IsJson,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Placed>), Problem> {
    let body = body.map_err(|rejection| json::unreadable(&rejection, MAX_MESSAGE_BYTES))?;
    // A body of neither form is read as a whole order, whose error names what is missing.
    let form: HashMap<String, Option<IgnoredAny>> = serde_json::from_slice(&body).unwrap_or_default();
    let has = |name: &str| form.get(name).is_some_and(Option::is_some);
    let order = if api.is_open && has("user_id") && !has("order_uid") {
        completed(json::decode(&body)?).map_err(Error::from)?
    } else {
        read(&body, clock::now()).map_err(Error::from)?
    };

    api.service.place(&order).await?;

    Ok((StatusCode::ACCEPTED, Json(Placed { order_uid: order.order_uid })))
}

/// Completes a short form to an order, and checks the order's rules.
fn completed(short: ShortOrder) -> Result<Order, Broken> {
    // `places` has the position of each piece's item in the short form.
    let (mut pieces, mut places) = (Vec::new(), Vec::new());
    for (place, item) in short.items.into_iter().enumerate() {
        let room = MAX_PIECES - pieces.len();
        let count = usize::try_from(item.qty).ok().filter(|count| (1..=room).contains(count));
        let rule =
            || Broken::new(format!("items[{place}].qty"), format!("the pieces are not between 1 and {MAX_PIECES}"));
        let count = count.ok_or_else(rule)?;
        pieces.extend(std::iter::repeat_n(Piece { name: item.sku }, count));
        places.extend(std::iter::repeat_n(place, count));
    }
    let now = clock::now();
    let order = short_order(ids::random().as_u128(), short.user_id, pieces, now);
    order.check(now).map_err(|broken| Broken { path: short_path(broken.path, &places), ..broken })?;
    Ok(order)
}

/// Maps a member of the whole order to the member of the short form from which it was made. `places` has the position
/// of each piece's item.
fn short_path(path: String, places: &[usize]) -> String {
    if path == "customer_id" {
        return "user_id".to_owned();
    }
    let of_item = path.strip_prefix("items[").and_then(|rest| rest.split_once("].")).and_then(|(piece, member)| {
        let place = places.get(piece.parse::<usize>().ok()?)?;
        let member = if member == "name" { "sku" } else { member };
        Some(format!("items[{place}].{member}"))
    });
    of_item.unwrap_or(path)
}

/// Reads a text, or a number as text.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let literal = <&RawValue>::deserialize(deserializer)?.get();
    let text = serde_json::from_str(literal).ok().or_else(|| Some(number::scaled(literal, 0).ok()?.to_string()));
    text.ok_or_else(|| D::Error::custom("is no text or whole number"))
}

fn text_or_number() -> Object {
    let kinds = SchemaType::from_iter([Type::String, Type::Integer]);
    ObjectBuilder::new().schema_type(kinds).description(Some("A number or a text: the customer_id.")).build()
}
