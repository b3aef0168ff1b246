//! Which request goes where, and what surrounds them all.

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware::from_fn_with_state};
use platform::{
    auth::{Access, Guard},
    health::{Readiness, ready_routes},
    http,
    problem::Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{cancel_order, create_order, get_order, list_orders, load_shed, openapi, pay_order, problems::declared};
use crate::service::OrderService;

/// Room for the largest order that is accepted.
const BODY_LIMIT: usize = 64 * 1024;

/// What the handlers need.
#[derive(Clone)]
pub(super) struct Api {
    pub service: OrderService,
}

/// The API alone, with its description.
pub(super) fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(declared(routes!(create_order::handle), &create_order::PROBLEMS))
        .routes(declared(routes!(list_orders::handle), &[]))
        .routes(declared(routes!(get_order::handle), &get_order::PROBLEMS))
        .routes(declared(routes!(pay_order::handle), &pay_order::PROBLEMS))
        .routes(declared(routes!(cancel_order::handle), &cancel_order::PROBLEMS))
}

/// Everything that order serves over HTTP. `max_in_flight` requests at once, one more is told to come back later.
pub fn router(service: OrderService, guard: Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let (api, document) = described().split_for_parts();
    let api = api
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(guard, Guard::http))
        .layer(from_fn_with_state(load_shed::Slots::new(max_in_flight), load_shed::shed))
        .with_state(Api { service });
    let router = Router::new()
        .merge(api)
        .merge(SwaggerUi::new("/swagger-ui").url("/openapi.json", document))
        .merge(ready_routes(vec![readiness]))
        .fallback(not_found);
    http::layers(router)
}

/// Orders are for users; the rest is for everybody.
pub fn access(path: &str) -> Access {
    if path.starts_with("/api/v1/orders") { Access::Session } else { Access::Public }
}

async fn not_found(uri: axum::http::Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: axum::http::Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("{method} is not possible here"))
}
