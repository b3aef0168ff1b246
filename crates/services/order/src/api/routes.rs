//! The HTTP router: endpoints, and the middleware around them.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
};
use platform::{
    auth::{Access, Guard},
    health::{Readiness, ready_routes},
    http,
    load_shed::{UserSlots, shed_user},
    problem::Problem,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{
    cancel_order, checkout, create_order, get_delivery, get_order, get_payment, list_orders, load_shed, openapi,
    pay_order, problems::SHARED, state::Api,
};

/// The OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> OpenApi {
    described().split_for_parts().1
}

/// The endpoints with their descriptions.
fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(SHARED.declared(routes!(create_order::handle), &create_order::PROBLEMS))
        .routes(SHARED.declared(routes!(list_orders::handle), &[]))
        .routes(SHARED.declared(routes!(get_order::handle), &get_order::PROBLEMS))
        .routes(SHARED.declared(routes!(get_delivery::handle), &get_delivery::PROBLEMS))
        .routes(SHARED.declared(routes!(pay_order::handle), &pay_order::PROBLEMS))
        .routes(SHARED.declared(routes!(cancel_order::handle), &cancel_order::PROBLEMS))
        .routes(SHARED.declared(routes!(get_payment::handle), &get_payment::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::create_order::handle), &checkout::create_order::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_order::handle), &checkout::get_order::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_payment::handle), &checkout::get_payment::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_delivery::handle), &checkout::get_delivery::PROBLEMS))
}

/// All that order serves over HTTP. More than `max_in_flight` concurrent requests, or a quarter of them by one user, are rejected with 429.
pub fn router(state: Api, guard: Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let (api, document) = described().split_for_parts();
    let api = api
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(http::BODY_LIMIT))
        .layer(from_fn_with_state(UserSlots::quarter_of(max_in_flight), shed_user))
        .layer(from_fn_with_state(guard, Guard::http))
        .layer(from_fn_with_state(load_shed::Slots::new(max_in_flight), load_shed::shed))
        .with_state(state);
    let router = Router::new()
        .merge(api)
        .merge(SwaggerUi::new("/swagger-ui").url("/openapi.json", document))
        .merge(ready_routes(vec![readiness]))
        .fallback(not_found);
    http::layers(router).layer(from_fn(checkout::name_errors))
}

/// Orders need a session; descriptions and health checks do not.
pub fn access(path: &str) -> Access {
    if path.starts_with("/api/v1/orders") || checkout::is_here(path) { Access::Session } else { Access::Public }
}

async fn not_found(uri: axum::http::Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: axum::http::Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("{method} is not possible here"))
}
