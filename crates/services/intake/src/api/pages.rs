//! The HTML pages, which contain no script and nothing from other hosts, and `GET /` with the field for an order_uid.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use platform::http::{pages, problem::Problem};
use serde::Deserialize;

use crate::model::Order;

/// Allows a stylesheet and a form target of the same origin, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";
const STYLE: &str = include_str!("../../templates/style.css");

/// The page without an order, with a message about the request. The search form is in `layout.html`, since every page
/// has it.
#[derive(Template)]
#[template(path = "find.html")]
struct Find<'a> {
    order_uid: &'a str,
    message: &'a str,
}

/// The page of an order.
#[derive(Template)]
#[template(path = "order.html")]
pub struct Shown<'a> {
    pub order_uid: &'a str,
    pub order: &'a Order,
    pub date_created: String,
    pub paid_at: String,
}

impl<'a> Shown<'a> {
    pub fn new(order: &'a Order) -> Self {
        let shown = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        Self {
            order_uid: order.order_uid.as_str(),
            order,
            date_created: order.date_created.map(shown).unwrap_or_default(),
            paid_at: chrono::DateTime::from_timestamp(order.payment.payment_dt, 0).map(shown).unwrap_or_default(),
        }
    }
}

/// Renders a page, with headers that restrict what the browser may load and send.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    private(pages::rendered(status, template.render(), CONTENT_SECURITY_POLICY))
}

pub fn problem_page(order_uid: &str, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    page(status, &Find { order_uid, message: &problem.message })
}

/// Forbids caching: an order contains personal data, and the response depends on the caller.
pub fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// `GET /style.css`
pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    pages::protected_by(CONTENT_SECURITY_POLICY, (headers, STYLE).into_response())
}

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
pub async fn find(query: Result<Query<FindOrderQuery>, QueryRejection>) -> Response {
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

/// Returns true if the client accepts HTML and prefers it at least as much as JSON.
pub fn wants_html(headers: &HeaderMap) -> bool {
    let entries = || {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
    };
    let quality = |wanted: &str| {
        let named = entries()
            .filter(|entry| entry.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted)));
        named.map(weight).fold(0.0_f32, f32::max)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}

fn weight(entry: &str) -> f32 {
    let given = entry.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q=")?.parse().ok());
    given.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_clients_that_prefer_it() {
        for (accept, html) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json", false),
            ("*/*", false),
            ("", false),
            ("application/json, text/html;q=0.5", false),
            ("TEXT/HTML;q=0.5, application/json;q=0.4", true),
            ("text/html;q=0", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);

            assert_eq!(wants_html(&headers), html, "{accept}");
        }
    }
}
