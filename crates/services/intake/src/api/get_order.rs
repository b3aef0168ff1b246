//! `GET /orders/{id}`: the order as JSON, or as a page.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use platform::{
    auth::OpenCaller,
    http::{self, openapi::Declared, problem::Problem},
};

use super::{
    accept::wants_html,
    caller::sees,
    page::{Shown, page, private, problem_page},
    problems::ORDER_NOT_FOUND,
};
use crate::{
    error::Error,
    model::Order,
    service::{self, IntakeService, Source},
};

/// This endpoint's own error responses.
pub const PROBLEMS: [Declared; 1] = [ORDER_NOT_FOUND];

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// An order
///
/// `X-Cache` says whether it came from memory (`hit`) or from the database (`miss`). To `Accept: text/html`, a page.
#[utoipa::path(
    get,
    path = "/orders/{id}",
    operation_id = "getOrder",
    tag = "orders",
    params(("id" = String, Path, description = "The order_uid.")),
    responses((status = 200, body = Order, headers(("X-Cache" = String, description = "hit or miss")))),
    security(("session" = []))
)]
pub async fn handle(
    State(service): State<IntakeService>,
    caller: OpenCaller,
    uid: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // No valid uid is in a path that is not UTF-8.
    let uid = uid.map(|Path(uid)| uid).unwrap_or_default();
    let shown = service
        .show(&uid)
        .await
        .and_then(|shown| if sees(&caller, &shown.0) { Ok(shown) } else { Err(Error::NotFound) });
    answer(&uid, shown, wants_html(&headers))
}

/// Responds to a path without a route. Several segments below `/orders/` name no order, because a `/` in an order_uid
/// is written `%2F`.
pub async fn elsewhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match uri.path().strip_prefix("/orders/") {
        Some(uid) if matches!(method, Method::GET | Method::HEAD) => {
            answer(uid, Err(Error::NotFound), wants_html(&headers))
        }
        _ => http::not_found(uri).await.into_response(),
    }
}

fn answer(uid: &str, shown: Result<service::Shown, Error>, html: bool) -> Response {
    match shown {
        Ok((order, source)) => {
            let mut response =
                if html { page(StatusCode::OK, &Shown::new(&order)) } else { private(Json(&*order).into_response()) };
            let cache = if source == Source::Cache { "hit" } else { "miss" };
            response.headers_mut().insert(X_CACHE, HeaderValue::from_static(cache));
            response
        }
        Err(error) => {
            let problem = Problem::from(error);
            if html { problem_page(uid, &problem) } else { private(problem.into_response()) }
        }
    }
}
