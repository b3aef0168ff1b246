//! `GET /`: the page with a field for an order_uid, which leads to the order.

use std::fmt::Write as _;

use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;

use super::page::{Find, page};

#[derive(Default, Deserialize)]
pub struct FindOrderQuery {
    #[serde(default)]
    order_uid: String,
}

/// A page with a field for an order_uid
///
/// With the query `order_uid`, as the form sends it, it leads to that order.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "findOrder",
    tag = "page",
    params(("order_uid" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String), (status = 303))
)]
pub async fn handle(query: Result<Query<FindOrderQuery>, QueryRejection>) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    match query.order_uid.trim() {
        "" => page(StatusCode::OK, &Find { order_uid: "", message: "" }),
        uid => Redirect::to(&format!("/orders/{}", encoded(uid))).into_response(),
    }
}

/// Percent-encodes one segment of a path.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}
