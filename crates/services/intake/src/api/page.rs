//! The HTML pages. They contain no script and nothing from other hosts.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use platform::http::{openapi_pages::protected_by, problem::Problem};

use crate::model::Order;

/// Allows a stylesheet and a form target of the same origin, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";
const STYLE: &str = include_str!("../../templates/style.css");

/// The page without an order, with a message about the request. The search form is in `layout.html`, since every page
/// has it.
#[derive(Template)]
#[template(path = "find.html")]
pub struct Find<'a> {
    pub order_uid: &'a str,
    pub message: &'a str,
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
    let response = match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    private(protected_by(CONTENT_SECURITY_POLICY, response))
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
    protected_by(CONTENT_SECURITY_POLICY, (headers, STYLE).into_response())
}
