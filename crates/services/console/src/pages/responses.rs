//! Middleware around pages and forms: it responds with a page where an API responds with a problem document.

use askama::Template;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use platform::http::{
    self,
    problem::{MEDIA_TYPE, Problem},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    frame::{Layout, layout_of, page, stranger},
    login,
    refusal::{Refusal, of_code},
};
use crate::api::{Api, Session, is_form};

/// The maximum size of a form, and of a problem.
const MAX_BYTES: usize = platform::http::BODY_LIMIT;

/// The header by which a browser says how it uses the response. Other clients do not send it.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The page for a failed request: not found, not allowed, or a service is unavailable.
#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    layout: Layout,
    status: u16,
    problem: Refusal,
    /// The orders that the problem is about.
    orders: Vec<Uuid>,
    /// True if trying again may help.
    can_retry: bool,
    /// The page of the form that was refused.
    back: Option<String>,
}

/// Middleware: redirects a visitor who opens a fragment, a part of a page that its script reloads, to its page. The
/// page's path is the fragment's without the last segment.
pub async fn in_page(request: Request, next: Next) -> Response {
    let is_opened = request.headers().get(FETCH_MODE).is_some_and(|mode| mode == "navigate");
    match request.uri().path().rsplit_once('/') {
        Some((page, part)) if is_opened => Redirect::to(&format!("{page}#{part}")).into_response(),
        _ => next.run(request).await,
    }
}

/// Middleware around the pages: sends a caller without a session the login page, which leads back. Converts other
/// problems to pages.
pub async fn as_page(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let session = request.extensions().get::<Session>().cloned();
    let response = http::as_problem(request, async |request| next.run(request).await).await;
    match response.status() {
        StatusCode::UNAUTHORIZED => login::needed(path, session.is_some()),
        _ => problem_page(&api, session.as_ref(), response, None).await,
    }
}

/// Responds to a request for a path that does not exist. A browser gets a page.
pub async fn not_found(State(api): State<Api>, request: Request) -> Response {
    let problem = http::not_found(request.uri().clone()).await.into_response();
    if !http::pages::asks_for_page(request.headers()) {
        return problem;
    }
    problem_page(&api, request.extensions().get(), problem, None).await
}

/// Middleware around the API: responds with a page to a form, which a browser without scripts sends.
pub async fn after_form(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_form(request.headers()) {
        return next.run(request).await;
    }
    let session = request.extensions().get::<Session>().cloned();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "the form is too large");
        return problem_page(&api, session.as_ref(), problem.into_response(), None).await;
    };
    let back = page_of_form(parts.uri.path(), &body);
    let request = Request::from_parts(parts, Body::from(body));
    let response = http::as_problem(request, async |request| next.run(request).await).await;
    match response.status() {
        // The login endpoint itself responds with its page.
        StatusCode::UNAUTHORIZED if is_problem(response.headers()) => login::needed(back, true),
        _ => problem_page(&api, session.as_ref(), response, Some(back)).await,
    }
}

/// Returns the page that has the form, with the values that the user typed.
fn page_of_form(path: &str, body: &[u8]) -> String {
    let path = path.strip_prefix("/console/api").unwrap_or_default();
    match (path, path.strip_prefix("/orders/").and_then(|rest| rest.split('/').next())) {
        ("/orders", _) => format!("/console/checkout?{}", std::str::from_utf8(body).unwrap_or_default()),
        (_, Some(order)) => format!("/console/orders/{order}"),
        ("/logout-all" | "/contacts" | "/me/delete", _) => "/console/profile".to_owned(),
        (path, _) if path.starts_with("/sessions/") => "/console/profile".to_owned(),
        ("/operator/kyc-rollback" | "/operator/restock", _) => "/console/operator/actions".to_owned(),
        (path, _) if path.starts_with("/operator/") => {
            let view = path.split('/').nth(2).unwrap_or_default();
            format!("/console/operator/{view}")
        }
        _ => "/console/".to_owned(),
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE)
}

/// Returns the page of a problem. `back` leads to the form that was refused.
async fn problem_page(api: &Api, session: Option<&Session>, response: Response, back: Option<String>) -> Response {
    if !is_problem(response.headers()) {
        return response;
    }
    let status = response.status();
    let (parts, body) = response.into_parts();
    let problem: Value =
        to_bytes(body, MAX_BYTES).await.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let orders = if text("code") == "ORDERS_OPEN" { uuids(text("message")) } else { Vec::new() };
    let problem = of_code(text("code"), text("message"), problem["field"].as_str());
    let can_retry = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    // While the console or another service is overloaded, the page makes no call to iam for the visitor's name.
    let layout = if can_retry { stranger() } else { layout_of(api, session).await };
    let mut response = page(status, &Failure { layout, status: status.as_u16(), problem, orders, can_retry, back });
    if let Some(after) = parts.headers.get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    response
}

/// Returns the uuids in a sentence.
fn uuids(text: &str) -> Vec<Uuid> {
    let words = text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-');
    words.filter_map(|word| Uuid::try_parse(word).ok()).collect()
}
